"""Moving an endpoint to new models, waiting and going back: calls and states that moto does not play are scripted."""

from pathlib import Path

import boto3
import pytest

from cloud import ARN, BUCKET, OLD_KEY, ROLE, STAMP, Scripted, keys, will_answer
from imba_training import deploy
from imba_training.failures import Failure


@pytest.fixture
def moving(aws: str, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """An endpoint of an earlier deployment that is just asked to move to a new one."""
    monkeypatch.setattr(deploy.time, "strftime", lambda *_: STAMP)
    boto3.client("s3").put_object(Bucket=BUCKET, Key=OLD_KEY, Body=b"old")
    client = Scripted()
    client.will_describe("InService", "imba-old")
    client.will_describe("InService", "imba-old")
    client.stub.add_response("list_tags", {"Tags": [deploy.TAG]})
    client.stub.add_response("create_model", {"ModelArn": f"{ARN}:model/imba-main-{STAMP}"})
    client.stub.add_response("create_endpoint_config", {"EndpointConfigArn": f"{ARN}:endpoint-config/imba-{STAMP}"})
    client.will_move_to(f"imba-{STAMP}")
    return client


def deploy_again(client: Scripted, archive: Path) -> list[str]:
    """Deploys and returns the keys that are in the bucket afterwards, also after a failure."""
    variants = [deploy.Variant("main", archive)]
    client.deploy("imba", variants, role=ROLE, bucket=BUCKET, hosting=deploy.Hosting(), image="x")
    client.stub.assert_no_pending_responses()
    return keys()


def test_an_existing_endpoint_moves_over_and_its_old_parts_go(
    moving: Scripted, aws: str, archive: Path, score: float
) -> None:
    will_answer(aws, f"{score}\n")
    moving.will_describe("InService", "imba-old")  # the move has not shown yet
    moving.will_describe("Updating", "imba-old")
    moving.will_describe("InService", f"imba-{STAMP}")
    moving.stub.add_response(
        "describe_endpoint_config",
        {
            "EndpointConfigName": "imba-old",
            "EndpointConfigArn": f"{ARN}:endpoint-config/imba-old",
            "ProductionVariants": [{"VariantName": "main", "ModelName": "imba-main-old"}],
            "CreationTime": 0,
        },
    )
    moving.stub.add_response("delete_endpoint_config", {}, {"EndpointConfigName": "imba-old"})
    moving.stub.add_response(
        "describe_model",
        {
            "ModelName": "imba-main-old",
            "PrimaryContainer": {"ModelDataUrl": f"s3://{BUCKET}/{OLD_KEY}"},
            "CreationTime": 0,
            "ModelArn": f"{ARN}:model/imba-main-old",
        },
    )
    moving.stub.add_response("delete_model", {}, {"ModelName": "imba-main-old"})
    (key,) = deploy_again(moving, archive)
    assert STAMP in key


def test_an_endpoint_that_answers_wrongly_after_its_move_goes_back(moving: Scripted, aws: str, archive: Path) -> None:
    will_answer(aws, "0.99")
    moving.will_describe("InService", f"imba-{STAMP}")
    moving.will_describe("InService", f"imba-{STAMP}")
    moving.will_move_to("imba-old")
    moving.will_describe("Updating", f"imba-{STAMP}")
    moving.will_describe("InService", "imba-old")
    moving.stub.add_response("delete_endpoint_config", {}, {"EndpointConfigName": f"imba-{STAMP}"})
    moving.stub.add_response("delete_model", {}, {"ModelName": f"imba-main-{STAMP}"})
    with pytest.raises(Failure, match=r"scores the example row 0\.99"):
        deploy_again(moving, archive)
    moving.stub.assert_no_pending_responses()
    assert keys() == [OLD_KEY]


def test_what_an_endpoint_may_still_move_to_is_not_deleted(
    moving: Scripted, archive: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(deploy, "PATIENCE", -1.0)
    moving.will_describe("Updating", "imba-old")
    moving.will_describe("Updating", "imba-old")
    with pytest.raises(Failure, match="still Updating"):
        deploy_again(moving, archive)
    moving.stub.assert_no_pending_responses()
    assert f"so imba-{STAMP} and its models stay: it is Updating" in capsys.readouterr().err
    assert len(keys()) == 2


def test_waiting_tells_why_an_endpoint_failed(aws: str) -> None:
    client = Scripted()
    client.will_describe("Creating", "imba-1")
    client.will_describe("Failed", "imba-1", FailureReason="The image cannot be pulled.")
    with pytest.raises(Failure, match=r"endpoint imba is Failed: The image cannot be pulled\."):
        client._wait("imba", "imba-1")


def test_waiting_has_an_end(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy, "PATIENCE", -1.0)
    client = Scripted()
    client.will_describe("Creating", "imba-1")
    with pytest.raises(Failure, match="still Creating"):
        client._wait("imba", "imba-1")


def test_a_move_that_sagemaker_rolled_back_is_a_failure(aws: str) -> None:
    """SageMaker then says InService again, with the old config: that is not success."""
    client = Scripted()
    client.will_describe("Updating", "imba-1")
    client.will_describe("InService", "imba-1")
    with pytest.raises(Failure, match="went back to imba-1"):
        client._wait("imba", "imba-2")
