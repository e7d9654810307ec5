"""Deployment against a SageMaker and an S3 that moto plays over HTTP."""

import tomllib
from pathlib import Path

import boto3
import pytest

from cloud import BUCKET, NOTHING, ONE, REGION, ROLE, left, plan, will_answer
from imba_training import deploy, images, takedown
from imba_training.__main__ import main
from imba_training.failures import Failure
from imba_training.hosting import Capture, Hosting, Rollout, Scaling, Variant


def arguments(archive: Path, *more: str) -> list[str]:
    return ["deploy", "imba", "--model", str(archive), "--role", ROLE, "--bucket", BUCKET, *more]


def config() -> dict:
    sagemaker = boto3.client("sagemaker")
    name = sagemaker.describe_endpoint(EndpointName="imba")["EndpointConfigName"]
    return sagemaker.describe_endpoint_config(EndpointConfigName=name)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takedown.time, "sleep", lambda seconds: None)


def test_deploy_then_delete(aws: str, archive: Path, score: float, capsys: pytest.CaptureFixture) -> None:
    will_answer(aws, f"{score}\n")
    assert main(arguments(archive)) == 0
    shown = capsys.readouterr()
    assert shown.out == deploy.config_lines("imba", REGION)
    assert "endpoint imba is InService" in shown.err
    assert f"scores the example row {score}" in shown.err

    sagemaker = boto3.client("sagemaker")
    (variant,) = config()["ProductionVariants"]
    assert (variant["VariantName"], variant["InstanceType"], variant["InitialInstanceCount"]) == (
        "main",
        "ml.m5.large",
        1,
    )
    made = sagemaker.describe_model(ModelName=variant["ModelName"])
    assert made["ExecutionRoleArn"] == ROLE
    container = made["PrimaryContainer"]
    assert container["Image"] == "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
    bucket, key = container["ModelDataUrl"].removeprefix("s3://").split("/", 1)
    assert boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == archive.read_bytes()
    assert left() == ONE
    for arn in (
        made["ModelArn"],
        config()["EndpointConfigArn"],
        sagemaker.describe_endpoint(EndpointName="imba")["EndpointArn"],
    ):
        assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == takedown.tags("imba")

    assert main(["deploy", "imba", "--delete"]) == 0
    assert left() == NOTHING


def test_config_lines_are_the_service_s_keys() -> None:
    assert tomllib.loads(deploy.config_lines("imba", REGION)) == {
        "scorer": {"kind": "sagemaker", "sagemaker": {"endpoint_name": "imba"}},
        "aws": {"region": REGION},
    }


def test_serverless(aws: str, archive: Path, score: float) -> None:
    will_answer(aws, f"{score}")
    assert main(arguments(archive, "--serverless-memory", "2048", "--serverless-concurrency", "7")) == 0
    (variant,) = config()["ProductionVariants"]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 7}


def test_variants_share_the_traffic(aws: str, archive: Path, score: float) -> None:
    will_answer(aws, f"{score}\n", f"{score}\n")
    command = ["deploy", "imba", "--role", ROLE, "--bucket", BUCKET]
    command += ["--variant", f"old={archive}@9", "--variant", f"new={archive}"]
    assert main(command) == 0
    weights = {v["VariantName"]: v["InitialVariantWeight"] for v in config()["ProductionVariants"]}
    assert weights == {"old": 9.0, "new": 1.0}
    assert left() == {"endpoints": 1, "configs": 1, "models": 2, "objects": 2}
    assert main(["deploy", "imba", "--delete"]) == 0
    assert left() == NOTHING


def test_imba_itself_as_the_container(aws: str, archive: Path, score: float) -> None:
    will_answer(aws, f"{score}")
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/imba:1.0"
    assert main(arguments(archive, "--image", image)) == 0
    name = config()["ProductionVariants"][0]["ModelName"]
    assert boto3.client("sagemaker").describe_model(ModelName=name)["PrimaryContainer"]["Image"] == image


def test_requests_and_answers_are_kept(aws: str, archive: Path, score: float) -> None:
    will_answer(aws, f"{score}")
    assert main(arguments(archive, "--capture", f"s3://{BUCKET}/kept", "--capture-share", "10%")) == 0
    capture = config()["DataCaptureConfig"]
    assert (capture["EnableCapture"], capture["InitialSamplingPercentage"]) == (True, 10)
    assert capture["DestinationS3Uri"] == f"s3://{BUCKET}/kept"
    assert [option["CaptureMode"] for option in capture["CaptureOptions"]] == ["Input", "Output"]


def test_scaling_follows_the_traffic_and_goes_with_the_endpoint(aws: str, archive: Path, score: float) -> None:
    will_answer(aws, f"{score}")
    assert main(arguments(archive, "--autoscale", "1..4", "--autoscale-target", "500")) == 0
    scaling = boto3.client("application-autoscaling")
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["ResourceId"], target["MinCapacity"], target["MaxCapacity"]) == ("endpoint/imba/variant/main", 1, 4)
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 500
    assert main(["deploy", "imba", "--delete"]) == 0
    assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
    assert left() == NOTHING


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("0.99", "scores the example row 0.99, the local model"),
        ("nan", "scores the example row nan"),
        ("<html>", "<html>"),
    ],
)
def test_a_wrong_answer_undoes_everything(
    answer: str, expected: str, aws: str, archive: Path, capsys: pytest.CaptureFixture
) -> None:
    will_answer(aws, answer)
    assert main(arguments(archive)) == 1
    assert expected in capsys.readouterr().err
    assert left() == NOTHING


def test_a_missing_bucket_is_said_before_anything_is_made(
    aws: str, archive: Path, capsys: pytest.CaptureFixture
) -> None:
    command = arguments(archive)
    command[command.index(BUCKET)] = "no-such-bucket"
    assert main(command) == 1
    shown = capsys.readouterr().err
    assert "bucket no-such-bucket: NoSuchBucket" in shown
    assert "uploading" not in shown
    assert left() == NOTHING


def test_only_what_this_tool_made_is_touched(aws: str, archive: Path, capsys: pytest.CaptureFixture) -> None:
    sagemaker = boto3.client("sagemaker")
    container = {"Image": "x", "ModelDataUrl": f"s3://{BUCKET}/theirs"}
    sagemaker.create_model(ModelName="theirs", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "a", "ModelName": "theirs", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="theirs", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="imba", EndpointConfigName="theirs")
    assert main(["deploy", "imba", "--delete"]) == 1
    assert main(arguments(archive)) == 1
    assert capsys.readouterr().err.count("was not made by this tool") == 2
    assert left() == {"endpoints": 1, "configs": 1, "models": 1, "objects": 0}


PLANS = {
    "name 'bad name'": {"variants": ["bad name"]},
    "1 to 32 letters": {"variants": ["a" * 33]},
    "each needs a name of its own": {"variants": ["a", "a"]},
    "longer than 46 characters": {"endpoint": "e" * 30, "variants": ["v" * 30]},
    "role 'imba': an ARN": {"role": "imba"},
    "bucket 'Not_Ours'": {"bucket": "Not_Ours"},
    "model nowhere.tar.gz: not there": {"archive": Path("nowhere.tar.gz")},
    "one variant only": {"variants": ["a", "b"], "hosting": Hosting(serverless_memory=2048)},
    "--serverless-memory and --instance-type": {"hosting": Hosting("ml.m5.large", None, 2048)},
    "or --instance-count exclude each other": {"hosting": Hosting(None, 2, 2048)},
    "--serverless-memory 2000: one of 1024, 2048": {"hosting": Hosting(serverless_memory=2000)},
    "--serverless-concurrency 201: 1 to 200": {"hosting": Hosting(None, None, 2048, 201)},
    "--serverless-concurrency needs": {"hosting": Hosting(serverless_concurrency=5)},
    "--instance-type m5.large: a type such as": {"hosting": Hosting("m5.large")},
    "--canary: SageMaker does not offer": {"hosting": Hosting(serverless_memory=2048), "rollout": Rollout(10)},
    "--autoscale: SageMaker does not offer": {"hosting": Hosting(serverless_memory=2048), "scaling": Scaling(1, 2, 9)},
    "--capture: SageMaker does not offer": {
        "hosting": Hosting(serverless_memory=2048),
        "capture": Capture("s3://abc/x"),
    },
    "--canary 51%: 1 to 50 %": {"rollout": Rollout(51)},
    "--canary-wait: at most an hour": {"rollout": Rollout(10, 3601)},
    "--alarm needs --canary": {"rollout": Rollout(alarms=("a",))},
    "--autoscale 2..4: the range must hold the 1 instances": {"scaling": Scaling(2, 4, 9)},
    "--capture kept: an address such as": {"capture": Capture("kept")},
}


@pytest.mark.parametrize("expected", PLANS)
def test_impossible_wishes_are_told(expected: str, archive: Path) -> None:
    wish = dict(PLANS[expected])
    file = wish.pop("archive", archive)
    names = wish.pop("variants", ["main"])
    found = plan(file, variants=[Variant(name, file) for name in names], **wish).problems()
    assert any(expected in problem for problem in found), found


def test_a_possible_wish_has_no_problems(archive: Path) -> None:
    everything = {
        "rollout": Rollout(10, 600, ("a",)),
        "scaling": Scaling(1, 4, 9),
        "capture": Capture("s3://kept/x", 5),
    }
    assert plan(archive, **everything).problems() == []


def test_all_wrong_arguments_are_told_at_once_before_any_call(
    archive: Path, aws: str, capsys: pytest.CaptureFixture
) -> None:
    command = ["deploy", "imba", "--model", "nowhere.tar.gz", "--role", "imba", "--bucket", BUCKET]
    with pytest.raises(SystemExit) as stop:
        main([*command, "--serverless-memory", "2000", "--instance-count", "2"])
    assert stop.value.code == 2
    shown = capsys.readouterr().err
    assert "wrong arguments:\n  role 'imba'" in shown
    for part in ("model nowhere.tar.gz", "--serverless-memory 2000", "exclude each other"):
        assert part in shown
    assert left() == NOTHING


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["--role", ROLE],
        ["--role", ROLE, "--bucket", BUCKET],
        ["--variant", "x"],
        ["--delete", "--model", "x"],
        ["--delete", "--serverless-memory", "2048"],
        ["--image", "x", "--image-version", "3.2-0"],
        ["--model", "x", "--role", ROLE, "--bucket", BUCKET, "--canary-wait", "5m"],
        ["--model", "x", "--role", ROLE, "--bucket", BUCKET, "--autoscale", "4..1"],
    ],
)
def test_incomplete_commands_exit_with_2(more: list[str], aws: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["deploy", "imba", *more])
    assert stop.value.code == 2


def test_what_sagemaker_s_client_does_not_take_has_its_own_heading(aws: str, archive: Path) -> None:
    from imba_training.aws import Account, explained

    with pytest.raises(Failure, match=r"^wrong arguments: Parameter validation failed"), explained():
        Account(REGION).sagemaker.create_model(ModelName=5)


def test_no_region_and_no_connection_are_said(
    monkeypatch: pytest.MonkeyPatch, aws: str, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert main(["deploy", "imba", "--delete"]) == 1
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert main(["deploy", "imba", "--delete"]) == 1
    shown = capsys.readouterr().err
    assert "AWS cannot be reached" in shown
    assert "no region" in shown


def test_images_are_found_by_region_and_version() -> None:
    address = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.4-1"
    assert images.xgboost_image("us-east-1", "3.4-1") == address
    assert ".amazonaws.com.cn/" in images.xgboost_image("cn-north-1")
    with pytest.raises(Failure, match="region mars-1"):
        images.xgboost_image("mars-1")


@pytest.mark.parametrize(
    ("version", "expected"),
    [("1.7-1", "scores models of this package wrongly"), ("3.0-5", "use 3.2-0"), ("latest", "such as 3.2-0")],
)
def test_images_that_would_score_wrongly_are_refused(version: str, expected: str) -> None:
    """XGBoost 3.0.5 loads a model of 3.2.0 without complaint and answers 0.0195 where 3.2.0 answers 0.0031."""
    with pytest.raises(Failure, match=expected):
        images.xgboost_image("us-east-1", version)
