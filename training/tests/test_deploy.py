"""Deployment against a SageMaker and an S3 that moto plays over HTTP."""

import tarfile
from pathlib import Path

import boto3
import pytest

from cloud import BUCKET, REGION, ROLE, Scripted, left, will_answer
from imba_training import deploy, images
from imba_training.__main__ import main
from imba_training.failures import Failure

NOTHING = {"endpoints": 0, "configs": 0, "models": 0, "objects": 0}


def arguments(archive: Path, *more: str) -> list[str]:
    return ["deploy", "imba", "--model", str(archive), "--role", ROLE, "--bucket", BUCKET, *more]


def test_deploy_then_delete(aws: str, archive: Path, score: float, capsys: pytest.CaptureFixture) -> None:
    will_answer(aws, f"{score}\n")
    assert main(arguments(archive)) == 0
    shown = capsys.readouterr()
    assert shown.out == deploy.config_lines("imba", REGION)
    assert "endpoint imba is InService" in shown.err
    assert f"scores the example row {score}" in shown.err

    sagemaker = boto3.client("sagemaker")
    config = sagemaker.describe_endpoint_config(EndpointConfigName=_config_name(sagemaker))
    (variant,) = config["ProductionVariants"]
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
    assert left() == {"endpoints": 1, "configs": 1, "models": 1, "objects": 1}

    assert main(["deploy", "imba", "--delete"]) == 0
    assert left() == NOTHING


def _config_name(sagemaker) -> str:
    return sagemaker.describe_endpoint(EndpointName="imba")["EndpointConfigName"]


def test_config_lines_are_the_service_s_keys() -> None:
    import tomllib

    config = tomllib.loads(deploy.config_lines("imba", REGION))
    assert config == {
        "scorer": {"kind": "sagemaker", "sagemaker": {"endpoint_name": "imba"}},
        "aws": {"region": REGION},
    }


def test_serverless(aws: str, archive: Path, score: float) -> None:
    will_answer(aws, f"{score}")
    assert main(arguments(archive, "--serverless-memory", "2048", "--serverless-concurrency", "7")) == 0
    sagemaker = boto3.client("sagemaker")
    config = sagemaker.describe_endpoint_config(EndpointConfigName=_config_name(sagemaker))
    (variant,) = config["ProductionVariants"]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 7}


def test_variants_share_the_traffic(aws: str, archive: Path, score: float) -> None:
    will_answer(aws, f"{score}\n", f"{score}\n")
    command = ["deploy", "imba", "--role", ROLE, "--bucket", BUCKET]
    command += ["--variant", f"old={archive}@9", "--variant", f"new={archive}"]
    assert main(command) == 0
    sagemaker = boto3.client("sagemaker")
    config = sagemaker.describe_endpoint_config(EndpointConfigName=_config_name(sagemaker))
    weights = {v["VariantName"]: v["InitialVariantWeight"] for v in config["ProductionVariants"]}
    assert weights == {"old": 9.0, "new": 1.0}
    assert left() == {"endpoints": 1, "configs": 1, "models": 2, "objects": 2}
    assert main(["deploy", "imba", "--delete"]) == 0
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


def test_a_missing_bucket_leaves_nothing(aws: str, archive: Path, capsys: pytest.CaptureFixture) -> None:
    command = arguments(archive)
    command[command.index(BUCKET)] = "no-such-bucket"
    assert main(command) == 1
    shown = capsys.readouterr().err
    assert "no-such-bucket" in shown
    assert "NoSuchBucket" in shown
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


def test_deleting_what_is_not_there(aws: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["deploy", "imba", "--delete"]) == 1
    assert f"no endpoint imba in {REGION}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variants", "hosting", "expected"),
    [
        (["bad name"], deploy.Hosting(), "name 'bad name'"),
        (["a" * 33], deploy.Hosting(), "1 to 32 letters"),
        (["a", "a"], deploy.Hosting(), "each needs a name of its own"),
        (["a", "b"], deploy.Hosting(serverless_memory=2048), "one variant only"),
    ],
)
def test_impossible_wishes_are_refused_before_any_call(
    variants: list[str], hosting: deploy.Hosting, expected: str, aws: str, archive: Path
) -> None:
    wishes = [deploy.Variant(name, archive) for name in variants]
    with pytest.raises(Failure, match=expected):
        Scripted().deploy("imba", wishes, role=ROLE, bucket=BUCKET, hosting=hosting, image="x")


def test_a_broken_archive_is_refused_before_any_call(aws: str, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz"):
        pass
    with pytest.raises(Failure, match=r"model\.tar\.gz: not a model"):
        Scripted().deploy(
            "imba",
            [deploy.Variant("main", tmp_path / "model.tar.gz")],
            role=ROLE,
            bucket=BUCKET,
            hosting=deploy.Hosting(),
            image="x",
        )


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


@pytest.mark.parametrize("more", [[], ["--role", ROLE], ["--role", ROLE, "--bucket", BUCKET], ["--variant", "x"]])
def test_incomplete_commands_exit_with_2(more: list[str], aws: str) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["deploy", "imba", *more])
    assert stop.value.code == 2
