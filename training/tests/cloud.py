"""An AWS for the tests of `deploy`: moto's server, and a client whose SageMaker is told what to say."""

import json
import urllib.request

import boto3
from botocore.stub import Stubber

from imba_training import deploy

ROLE = "arn:aws:iam::123456789012:role/imba"
REGION = "eu-west-1"
BUCKET = "imba-models"
ARN = f"arn:aws:sagemaker:{REGION}:123456789012"
STAMP = "20261122090000"
OLD_KEY = "imba/imba/old/model.tar.gz"


def will_answer(server: str, *bodies: str) -> None:
    """What the endpoint says to the next rows."""
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


def keys() -> list[str]:
    return [entry["Key"] for entry in boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]


class Scripted(deploy.Sagemaker):
    """A client whose SageMaker says what a test tells it to, for the calls and states that moto does not play."""

    def __init__(self) -> None:
        super().__init__(REGION, poll=0.0)
        self.stub = Stubber(self.sagemaker)
        self.stub.activate()

    def will_describe(self, status: str, config: str, **more: str) -> None:
        self.stub.add_response(
            "describe_endpoint",
            {
                "EndpointName": "imba",
                "EndpointArn": f"{ARN}:endpoint/imba",
                "EndpointConfigName": config,
                "EndpointStatus": status,
                "CreationTime": 0,
                "LastModifiedTime": 0,
                **more,
            },
        )

    def will_move_to(self, config: str) -> None:
        wanted = {"EndpointName": "imba", "EndpointConfigName": config}
        self.stub.add_response("update_endpoint", {"EndpointArn": f"{ARN}:endpoint/imba"}, wanted)
