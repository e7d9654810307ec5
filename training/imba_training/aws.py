"""One region of one AWS account: its clients, and its errors in words."""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import botocore.exceptions

from .failures import Failure


class Account:
    def __init__(self, region: str | None) -> None:
        with explained():
            session = boto3.Session(region_name=region)
            if not session.region_name:
                raise Failure("no region: give --region or set AWS_DEFAULT_REGION")
            self.region = session.region_name
            self.sagemaker = session.client("sagemaker")
            self.runtime = session.client("sagemaker-runtime")
            self.scaling = session.client("application-autoscaling")
            self.s3 = session.client("s3")


def is_absent(error: botocore.exceptions.ClientError) -> bool:
    found = error.response.get("Error", {})
    message = found.get("Message", "").lower()
    return (
        found.get("Code") in ("ResourceNotFound", "NoSuchKey", "NoSuchBucket", "ObjectNotFoundException")
        or "could not find" in message
        or "not exist" in message
    )


def spell(error: botocore.exceptions.ClientError) -> str:
    found = error.response.get("Error", {})
    return f"{error.operation_name}: {found.get('Code', '?')}: {found.get('Message', 'no message')}"


@contextmanager
def explained() -> Iterator[None]:
    """Errors of AWS become `Failure`s that name the call's code and message."""
    try:
        yield
    except botocore.exceptions.ClientError as error:
        raise Failure(f"AWS refused {spell(error)}") from error
    except botocore.exceptions.ParamValidationError as error:
        raise Failure(f"wrong arguments: {error}") from error
    except botocore.exceptions.BotoCoreError as error:
        raise Failure(f"AWS cannot be reached or used: {error}") from error


@contextmanager
def absent_is_fine() -> Iterator[None]:
    """For deleting: what is gone already need not be deleted."""
    try:
        yield
    except botocore.exceptions.ClientError as error:
        if not is_absent(error):
            raise
