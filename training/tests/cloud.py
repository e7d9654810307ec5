"""An AWS for the tests of `deploy`: moto's server, with a SageMaker as slow and as strict as the real one."""

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path

import boto3
from botocore.exceptions import ClientError
from moto.backends import get_backend
from moto.sagemakerruntime.models import sagemakerruntime_backends

from imba_training import deploy
from imba_training.aws import Account
from imba_training.hosting import Plan, Variant

ROLE = "arn:aws:iam::123456789012:role/imba"
REGION = "eu-west-1"
BUCKET = "imba-models"
BUSY = ("Creating", "Updating", "Deleting")


def will_answer(server: str, *bodies: str) -> None:
    """What the endpoint says to the next rows; what it said to the same row before is forgotten."""
    sagemakerruntime_backends["123456789012"][REGION].results.clear()
    results = [
        {"Body": b, "ContentType": "text/csv; charset=utf-8", "InvokedProductionVariant": "", "CustomAttributes": ""}
        for b in bodies
    ]
    body = json.dumps({"region": REGION, "results": results}).encode()
    address = f"{server}/moto-api/static/sagemaker/endpoint-results"
    request = urllib.request.Request(address, data=body, headers={"content-type": "application/json"}, method="POST")
    urllib.request.urlopen(request).close()


def left() -> dict[str, int]:
    """How much of each kind exists."""
    sagemaker, s3 = boto3.client("sagemaker"), boto3.client("s3")
    return {
        "endpoints": len(sagemaker.list_endpoints()["Endpoints"]),
        "configs": len(sagemaker.list_endpoint_configs()["EndpointConfigs"]),
        "models": len(sagemaker.list_models()["Models"]),
        "objects": s3.list_objects_v2(Bucket=BUCKET)["KeyCount"],
    }


NOTHING = {"endpoints": 0, "configs": 0, "models": 0, "objects": 0}
ONE = {"endpoints": 1, "configs": 1, "models": 1, "objects": 1}


class Slow:
    """A SageMaker client over moto's. An endpoint is Creating, Updating or Deleting for `polls` looks at it, and
    meanwhile can be neither deleted nor updated; deleting the config or model of a living one is noted as a crime."""

    def __init__(self, client, polls: int = 2) -> None:
        self.client, self.polls = client, polls
        self.state: str | None = None
        self.remaining = 0
        self.ends: Callable[[], None] = lambda: None
        self.creation_fails = self.update_rolls_back = False
        self.looked: Callable[[str], None] = lambda status: None
        self.crimes: list[str] = []
        self.updates: list[dict] = []

    def __getattr__(self, name: str):
        return getattr(self.client, name)

    def _begin(self, state: str, ends: Callable[[], None]) -> None:
        self.state, self.remaining, self.ends = state, self.polls, ends

    def _endpoint(self):
        return get_backend("sagemaker")["123456789012"][REGION].endpoints.get("imba")

    def describe_endpoint(self, **names: str) -> dict:
        if self.state in BUSY:
            if self.remaining:
                self.remaining -= 1
            else:
                self.state = None
                self.ends()
        found = self.client.describe_endpoint(**names)
        status = self.state or found["EndpointStatus"]
        self.looked(status)
        return found | {"EndpointStatus": status} | ({"FailureReason": "No such image."} if status == "Failed" else {})

    def create_endpoint(self, **wish: object) -> dict:
        answer = self.client.create_endpoint(**wish)
        self._begin("Creating", lambda: setattr(self, "state", "Failed" if self.creation_fails else None))
        return answer

    def update_endpoint(self, **wish: object) -> dict:
        self._refuse_if_busy("UpdateEndpoint")
        self.updates.append(wish)
        before, self.old_config = self._endpoint().endpoint_config_name, self._endpoint().endpoint_config_name

        def end() -> None:
            self._endpoint().endpoint_config_name = before if self.update_rolls_back else wish["EndpointConfigName"]

        self._begin("Updating", end)
        return {"EndpointArn": self._endpoint().arn}

    def delete_endpoint(self, **names: str) -> dict:
        self._refuse_if_busy("DeleteEndpoint")
        self._begin("Deleting", lambda: self.client.delete_endpoint(**names))
        return {}

    def delete_endpoint_config(self, **names: str) -> dict:
        if (endpoint := self._endpoint()) and names["EndpointConfigName"] == endpoint.endpoint_config_name:
            self.crimes.append(f"config {names['EndpointConfigName']} of a living endpoint")
        return self.client.delete_endpoint_config(**names)

    def delete_model(self, **names: str) -> dict:
        endpoint = self._endpoint()
        if endpoint:
            try:
                config = self.client.describe_endpoint_config(EndpointConfigName=endpoint.endpoint_config_name)
            except ClientError:
                config = {"ProductionVariants": []}
            if names["ModelName"] in [variant["ModelName"] for variant in config["ProductionVariants"]]:
                self.crimes.append(f"model {names['ModelName']} of a living endpoint")
        return self.client.delete_model(**names)

    def _refuse_if_busy(self, operation: str) -> None:
        if self.state in BUSY:
            message = f"Cannot update in-progress endpoint: it is {self.state}."
            raise ClientError({"Error": {"Code": "ValidationException", "Message": message}}, operation)


def account(polls: int = 2) -> Account:
    made = Account(REGION)
    made.sagemaker = Slow(made.sagemaker, polls)
    return made


def plan(archive: Path, **more: object) -> Plan:
    wish = {"endpoint": "imba", "variants": [Variant("main", archive)], "role": ROLE, "bucket": BUCKET, "image": "x"}
    return Plan(**(wish | more))


def deployment(account: Account, archive: Path, stamp: str = "20261122090000", **more: object) -> deploy.Deployment:
    made = deploy.Deployment(account, plan(archive, **more), poll=0.0)
    made.stamp, made.config = stamp, f"imba-{stamp}"
    return made
