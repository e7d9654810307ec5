"""`deploy`: puts a model on a SageMaker endpoint, asks it one row, and takes it all down again.

Everything made here carries the tag `made-by = imba-training`; `--delete` touches nothing else.
"""

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import botocore.exceptions
import numpy as np

from . import model
from .columns import EXAMPLE
from .failures import Failure
from .output import say

TAG = {"Key": "made-by", "Value": "imba-training"}
PATIENCE = 45 * 60.0  # seconds; an endpoint usually takes 3 to 10 minutes
TOLERANCE = 1e-5  # between the endpoint's score and the local one
_NAME = re.compile(r"[a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,31}")  # SageMaker takes 63; variant and time are appended


@dataclass(frozen=True)
class Variant:
    """One model behind the endpoint, and its share of the traffic."""

    name: str
    archive: Path
    weight: float = 1.0


@dataclass(frozen=True)
class Hosting:
    """Instances, or with `serverless_memory` (MB) a serverless endpoint."""

    instance_type: str = "ml.m5.large"
    instance_count: int = 1
    serverless_memory: int | None = None
    serverless_concurrency: int = 5

    def settings(self, variant: Variant) -> dict[str, object]:
        if self.serverless_memory:
            return {
                "ServerlessConfig": {
                    "MemorySizeInMB": self.serverless_memory,
                    "MaxConcurrency": self.serverless_concurrency,
                }
            }
        return {
            "InstanceType": self.instance_type,
            "InitialInstanceCount": self.instance_count,
            "InitialVariantWeight": variant.weight,
        }


class Sagemaker:
    """One region of one account. Errors of AWS become `Failure`s that name the call's code and message."""

    def __init__(self, region: str | None, poll: float = 15.0) -> None:
        with _explained():
            session = boto3.Session(region_name=region)
            if not session.region_name:
                raise Failure("no region: give --region or set AWS_DEFAULT_REGION")
            self.region = session.region_name
            self.poll = poll
            self.sagemaker = session.client("sagemaker")
            self.runtime = session.client("sagemaker-runtime")
            self.s3 = session.client("s3")

    def deploy(
        self, endpoint: str, variants: list[Variant], *, role: str, bucket: str, hosting: Hosting, image: str
    ) -> None:
        """Creates the endpoint, or moves an existing one to the new models without a gap; a failure undoes itself."""
        _check(endpoint, variants, hosting)
        local = {variant.name: _local_score(variant.archive) for variant in variants}
        stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime())
        config = f"{endpoint}-{stamp}"
        with _explained():
            before = self._config_of(endpoint)
            if before:
                self._refuse_foreign(endpoint)
            try:
                settings = [
                    {"VariantName": v.name, "ModelName": self._create_model(endpoint, v, stamp, role, bucket, image)}
                    | hosting.settings(v)
                    for v in variants
                ]
                self.sagemaker.create_endpoint_config(
                    EndpointConfigName=config, ProductionVariants=settings, Tags=[TAG]
                )
                if before:
                    self.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
                else:
                    self.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config, Tags=[TAG])
                self._wait(endpoint, config)
                for name, score in local.items():
                    target = {"TargetVariant": name} if len(local) > 1 else {}
                    self._smoke_test(endpoint, name, score, target)
            except BaseException:
                say(f"deploy: failed; removing what was made for {config}")
                self._undo(endpoint, config, stamp, before, variants, bucket)
                raise
            if before:
                self._delete_config(before)

    def delete(self, endpoint: str) -> None:
        """Deletes the endpoint, its config, its models and their archives on S3."""
        with _explained():
            config = self._config_of(endpoint)
            if not config:
                raise Failure(f"no endpoint {endpoint} in {self.region}")
            self._refuse_foreign(endpoint)
            self.sagemaker.delete_endpoint(EndpointName=endpoint)
            say(f"deploy: endpoint {endpoint} deleted")
            self._delete_config(config)

    def _config_of(self, endpoint: str) -> str | None:
        try:
            return self.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        except botocore.exceptions.ClientError as error:
            if _is_absent(error):
                return None
            raise

    def _refuse_foreign(self, endpoint: str) -> None:
        arn = self.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointArn"]
        if TAG not in self.sagemaker.list_tags(ResourceArn=arn)["Tags"]:
            raise Failure(
                f"endpoint {endpoint} was not made by this tool (no tag {TAG['Key']}={TAG['Value']}); left alone"
            )

    def _create_model(self, endpoint: str, variant: Variant, stamp: str, role: str, bucket: str, image: str) -> str:
        key = _key(endpoint, variant, stamp)
        say(f"deploy: uploading {variant.archive} to s3://{bucket}/{key}")
        try:
            self.s3.upload_file(str(variant.archive), bucket, key)
        except boto3.exceptions.S3UploadFailedError as error:
            raise Failure(f"s3://{bucket}/{key}: {error}") from error
        name = _model_name(endpoint, variant, stamp)
        container = {"Image": image, "ModelDataUrl": f"s3://{bucket}/{key}"}
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role, Tags=[TAG])
        return name

    def _wait(self, endpoint: str, config: str) -> None:
        """Until the endpoint serves `config`. InService with another config is a move not begun, or one rolled back."""
        started, said, has_moved = time.monotonic(), None, False
        while True:
            found = self.sagemaker.describe_endpoint(EndpointName=endpoint)
            status, passed = found["EndpointStatus"], time.monotonic() - started
            if status != said:
                say(f"deploy: endpoint {endpoint} is {status} after {passed:.0f} s")
                said = status
            if status == "InService" and found["EndpointConfigName"] == config:
                return
            reason = found.get("FailureReason", "SageMaker gives no reason")
            if status == "InService" and has_moved:
                raise Failure(f"endpoint {endpoint} went back to {found['EndpointConfigName']}: {reason}")
            if status not in ("Creating", "Updating", "SystemUpdating", "RollingBack", "InService"):
                raise Failure(f"endpoint {endpoint} is {status}: {reason}")
            if passed > PATIENCE:
                raise Failure(f"endpoint {endpoint} is still {status} after {passed / 60:.0f} minutes")
            has_moved = has_moved or status != "InService"
            time.sleep(self.poll)

    def _smoke_test(self, endpoint: str, variant: str, expected: float, target: dict[str, str]) -> None:
        row = ",".join(map(str, EXAMPLE))
        answer = self.runtime.invoke_endpoint(
            EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body=row, **target
        )
        body = answer["Body"].read().decode(errors="replace")
        try:
            score = float(body)
        except ValueError:
            raise Failure(f"variant {variant} answered {body[:200]!r} to one row; one number was expected") from None
        if not abs(score - expected) <= TOLERANCE:
            raise Failure(f"variant {variant} scores the example row {score}, the local model {expected}")
        say(f"deploy: variant {variant} scores the example row {score}, as the local model does")

    def _undo(
        self, endpoint: str, config: str, stamp: str, before: str | None, variants: list[Variant], bucket: str
    ) -> None:
        if before:
            try:
                self._return_to(endpoint, before, config)
            except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError, Failure) as error:
                say(f"deploy: {endpoint} could not be returned to {before}, so {config} and its models stay: {error}")
                return
        else:
            with _best_effort():
                self.sagemaker.delete_endpoint(EndpointName=endpoint)
        with _best_effort():
            self.sagemaker.delete_endpoint_config(EndpointConfigName=config)
        for variant in variants:
            with _best_effort():
                self.sagemaker.delete_model(ModelName=_model_name(endpoint, variant, stamp))
            with _best_effort():
                self.s3.delete_object(Bucket=bucket, Key=_key(endpoint, variant, stamp))

    def _return_to(self, endpoint: str, before: str, config: str) -> None:
        found = self.sagemaker.describe_endpoint(EndpointName=endpoint)
        if found["EndpointStatus"] != "InService":
            raise Failure(f"it is {found['EndpointStatus']}")
        if found["EndpointConfigName"] == config:
            self.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=before)
            self._wait(endpoint, before)

    def _delete_config(self, config: str) -> None:
        variants = self.sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
        self.sagemaker.delete_endpoint_config(EndpointConfigName=config)
        say(f"deploy: endpoint config {config} deleted")
        for name in dict.fromkeys(variant["ModelName"] for variant in variants):
            found = self.sagemaker.describe_model(ModelName=name)
            self.sagemaker.delete_model(ModelName=name)
            bucket, key = found["PrimaryContainer"]["ModelDataUrl"].removeprefix("s3://").split("/", 1)
            self.s3.delete_object(Bucket=bucket, Key=key)
            say(f"deploy: model {name} and s3://{bucket}/{key} deleted")


def config_lines(endpoint: str, region: str) -> str:
    """What to put into the service's configuration to use the endpoint."""
    return f"""[scorer]
kind = "sagemaker"

[scorer.sagemaker]
endpoint_name = "{endpoint}"

[aws]
region = "{region}"
"""


def _check(endpoint: str, variants: list[Variant], hosting: Hosting) -> None:
    names = [variant.name for variant in variants]
    for name in (endpoint, *names):
        if not _NAME.fullmatch(name):
            raise Failure(f"name {name!r}: 1 to 32 letters and digits are expected, with hyphens between them")
    if len(endpoint) + max(map(len, names)) > 46:
        raise Failure(f"names {endpoint!r} and {max(names, key=len)!r} together are longer than 46 characters")
    if len(set(names)) < len(names):
        raise Failure(f"variants {', '.join(names)}: each needs a name of its own")
    if hosting.serverless_memory and len(variants) > 1:
        raise Failure("a serverless endpoint takes one variant only")


def _local_score(archive: Path) -> float:
    booster = model.read(archive)
    return float(booster.inplace_predict(np.array([EXAMPLE], dtype=np.float32), validate_features=False)[0])


def _model_name(endpoint: str, variant: Variant, stamp: str) -> str:
    return f"{endpoint}-{variant.name}-{stamp}"


def _key(endpoint: str, variant: Variant, stamp: str) -> str:
    content = hashlib.sha256(variant.archive.read_bytes()).hexdigest()[:12]
    return f"imba/{endpoint}/{stamp}-{variant.name}-{content}/model.tar.gz"


def _is_absent(error: botocore.exceptions.ClientError) -> bool:
    found = error.response.get("Error", {})
    message = found.get("Message", "").lower()
    return (
        found.get("Code") in ("ResourceNotFound", "NoSuchKey") or "could not find" in message or "not exist" in message
    )


def _spell(error: botocore.exceptions.ClientError) -> str:
    found = error.response.get("Error", {})
    return f"{error.operation_name}: {found.get('Code', '?')}: {found.get('Message', 'no message')}"


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except botocore.exceptions.ClientError as error:
        raise Failure(f"AWS refused {_spell(error)}") from error
    except botocore.exceptions.BotoCoreError as error:
        raise Failure(f"AWS cannot be reached or used: {error}") from error


@contextmanager
def _best_effort() -> Iterator[None]:
    """For undoing: the failure that led there is the one to show, so others are only mentioned."""
    try:
        yield
    except botocore.exceptions.ClientError as error:
        if not _is_absent(error):
            say(f"deploy: could not undo: {_spell(error)}")
    except (botocore.exceptions.BotoCoreError, Failure) as error:
        say(f"deploy: could not undo: {error}")
