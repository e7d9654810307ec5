"""An endpoint takes its time: what happens when something fails, or someone loses patience, meanwhile."""

import tarfile
from pathlib import Path

import boto3
import pytest

from cloud import BUCKET, NOTHING, ONE, account, deployment, left, plan, will_answer
from imba_training import deploy, takedown
from imba_training.aws import Account
from imba_training.failures import Failure
from imba_training.hosting import Rollout, Variant


@pytest.fixture
def slow(aws: str) -> Account:
    return account()


def take_down(slow: Account) -> None:
    takedown.Takedown(slow, "imba", poll=0.0).everything()


def no_crimes(slow: Account) -> None:
    assert slow.sagemaker.crimes == []


def interrupt_when(status: str, times: int = 1, after: int = 0):
    """Ctrl-C, so many times, at a look at an endpoint of this status; `after` so many looks."""
    looks = iter(range(1_000))

    def look(found: str) -> None:
        if found == status and after <= next(looks) < after + times:
            raise KeyboardInterrupt

    return look


def test_the_fake_refuses_what_sagemaker_refuses(slow: Account, archive: Path, score: float, aws: str) -> None:
    will_answer(aws, f"{score}")
    deployment(slow, archive).run()
    slow.sagemaker._begin("Creating", lambda: None)
    with pytest.raises(Exception, match="in-progress"):
        slow.sagemaker.delete_endpoint(EndpointName="imba")


def test_a_creation_is_waited_for(slow: Account, archive: Path, score: float, aws: str, capsys) -> None:
    will_answer(aws, f"{score}")
    deployment(slow, archive).run()
    assert "endpoint imba is Creating after" in capsys.readouterr().err
    assert left() == ONE
    take_down(slow)
    assert left() == NOTHING
    no_crimes(slow)


def test_ctrl_c_while_creating_waits_and_deletes(slow: Account, archive: Path, aws: str, capsys) -> None:
    slow.sagemaker.polls = 6
    slow.sagemaker.looked = interrupt_when("Creating")
    with pytest.raises(KeyboardInterrupt):
        deployment(slow, archive).run()
    shown = capsys.readouterr().err
    assert "is Creating; SageMaker deletes it only afterwards: waiting" in shown
    assert shown.index("endpoint imba deleted") < shown.index("endpoint config imba-20261122090000 deleted")
    assert left() == NOTHING
    no_crimes(slow)


def test_a_second_ctrl_c_leaves_everything_and_names_the_command(
    slow: Account, archive: Path, aws: str, capsys
) -> None:
    slow.sagemaker.polls = 8
    slow.sagemaker.looked = interrupt_when("Creating", times=2)
    with pytest.raises(KeyboardInterrupt, match="still there"):
        deployment(slow, archive).run()
    shown = capsys.readouterr().err
    assert "python -m imba_training deploy imba --delete --region eu-west-1" in shown
    assert "deleted" not in shown, "it claims what was not done"
    assert left() == ONE
    take_down(slow)
    assert left() == NOTHING
    no_crimes(slow)


def test_a_creation_that_fails_is_cleaned_up_with_its_reason(slow: Account, archive: Path, aws: str) -> None:
    slow.sagemaker.creation_fails = True
    with pytest.raises(Failure, match=r"endpoint imba is Failed: No such image\."):
        deployment(slow, archive).run()
    assert left() == NOTHING
    no_crimes(slow)


def test_a_creation_without_end_leaves_everything(
    slow: Account, archive: Path, aws: str, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takedown, "PATIENCE", -1.0)
    slow.sagemaker.polls = 100
    with pytest.raises(Failure, match="still Creating"):
        deployment(slow, archive).run()
    shown = capsys.readouterr().err
    assert "could not be undone: endpoint imba is still Creating" in shown
    assert "it costs money until you run" in shown
    assert left() == ONE
    no_crimes(slow)


def test_a_refusal_before_there_is_an_endpoint_leaves_nothing(slow: Account, archive: Path, aws: str) -> None:
    def refuse(**wish: object) -> None:
        from botocore.exceptions import ClientError

        raise ClientError(
            {"Error": {"Code": "ResourceLimitExceeded", "Message": "no more ml.m5.large"}}, "CreateEndpoint"
        )

    slow.sagemaker.create_endpoint = refuse
    with pytest.raises(Failure, match=r"AWS refused CreateEndpoint: ResourceLimitExceeded: no more ml\.m5\.large"):
        deployment(slow, archive).run()
    assert left() == NOTHING


@pytest.mark.parametrize("place", ["Creating", "Deleting"])
def test_a_takedown_can_be_stopped_and_goes_on(
    place: str, slow: Account, archive: Path, score: float, aws: str, capsys
) -> None:
    will_answer(aws, f"{score}")
    deployment(slow, archive).run()
    if place == "Creating":
        slow.sagemaker.polls = 6
        slow.sagemaker._begin("Creating", lambda: None)
    slow.sagemaker.looked = interrupt_when(place, after=2 if place == "Creating" else 0)
    with pytest.raises(KeyboardInterrupt):
        take_down(slow)
    assert "not finished; go on with: python -m imba_training deploy imba --delete" in capsys.readouterr().err
    assert left() == ONE
    take_down(slow)
    assert left() == NOTHING
    no_crimes(slow)


@pytest.mark.parametrize("operation", ["delete_endpoint_config", "delete_model"])
def test_what_is_left_of_a_takedown_is_found_by_its_tag(
    operation: str, slow: Account, archive: Path, score: float, aws: str
) -> None:
    """Stopped after the endpoint was gone: nothing leads to the rest but its tags."""
    will_answer(aws, f"{score}")
    deployment(slow, archive).run()

    def stop(**names: str) -> None:
        raise KeyboardInterrupt

    setattr(slow.sagemaker, operation, stop)
    with pytest.raises(KeyboardInterrupt):
        take_down(slow)
    assert left()["endpoints"] == 0
    assert left()["models"] == 1
    take_down(account())
    assert left() == NOTHING


def test_the_parts_of_other_endpoints_stay(slow: Account, archive: Path, score: float, aws: str) -> None:
    """`imba-eu` begins as `imba` does; its parts are told apart by their tag."""
    will_answer(aws, f"{score}", f"{score}")
    deployment(slow, archive).run()
    other = deploy.Deployment(account(polls=0), plan(archive, endpoint="imba-eu"), poll=0.0)
    other.run()
    take_down(slow)
    assert left() == ONE
    assert boto3.client("sagemaker").list_models()["Models"][0]["ModelName"].startswith("imba-eu-main")


def test_archives_that_no_model_knows_are_swept_when_the_bucket_is_named(slow: Account, aws: str) -> None:
    s3 = boto3.client("s3")
    s3.put_object(Bucket=BUCKET, Key="imba/imba/20260101-main-0/model.tar.gz", Body=b"x")
    s3.put_object(Bucket=BUCKET, Key="imba/imba-eu/20260101-main-0/model.tar.gz", Body=b"x")
    takedown.Takedown(slow, "imba", poll=0.0).everything(BUCKET)
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == [
        "imba/imba-eu/20260101-main-0/model.tar.gz"
    ]


def test_nothing_to_take_down_is_said(slow: Account, aws: str) -> None:
    with pytest.raises(Failure, match="no endpoint imba in eu-west-1, and nothing left of one"):
        take_down(slow)


@pytest.fixture
def living(slow: Account, archive: Path, score: float, aws: str) -> Account:
    """An account with an endpoint of an earlier deployment."""
    will_answer(aws, f"{score}")
    deployment(slow, archive, stamp="20260101000000").run()
    return slow


def serving(slow: Account) -> str:
    return slow.sagemaker.describe_endpoint(EndpointName="imba")["EndpointConfigName"]


def test_an_endpoint_moves_over_and_its_old_parts_go(living: Account, archive: Path, score: float, aws: str) -> None:
    will_answer(aws, f"{score}")
    deployment(living, archive).run()
    assert serving(living) == "imba-20261122090000"
    assert left() == ONE
    no_crimes(living)


def test_a_canary_with_alarms(living: Account, archive: Path, score: float, aws: str) -> None:
    will_answer(aws, f"{score}")
    deployment(living, archive, rollout=Rollout(10, 300, ("errors", "latency"))).run()
    (update,) = living.sagemaker.updates
    assert update["DeploymentConfig"] == {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
                "WaitIntervalInSeconds": 300,
            }
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}, {"AlarmName": "latency"}]},
    }


def test_what_is_sent_for_a_canary_is_what_sagemaker_s_model_takes(aws: str) -> None:
    from botocore.validate import ParamValidator

    client = boto3.client("sagemaker")
    shape = client.meta.service_model.operation_model("UpdateEndpoint").input_shape
    wish = {"EndpointName": "imba", "EndpointConfigName": "imba-1", **Rollout(10, 300, ("errors",)).settings()}
    assert not ParamValidator().validate(wish, shape).has_errors()


def test_a_canary_needs_an_endpoint(slow: Account, archive: Path, aws: str) -> None:
    with pytest.raises(Failure, match="--canary: there is no endpoint imba yet"):
        deployment(slow, archive, rollout=Rollout(10)).run()
    assert left() == NOTHING


def test_a_move_that_sagemaker_rolled_back_is_a_failure_and_the_old_models_stay(
    living: Account, archive: Path, aws: str
) -> None:
    """SageMaker then says InService again, with the old config: that is not success."""
    living.sagemaker.update_rolls_back = True
    with pytest.raises(Failure, match="went back to imba-20260101000000"):
        deployment(living, archive, rollout=Rollout(10, 300, ("errors",))).run()
    assert serving(living) == "imba-20260101000000"
    assert left() == ONE
    no_crimes(living)


def test_an_endpoint_that_answers_wrongly_after_its_move_goes_back(living: Account, archive: Path, aws: str) -> None:
    will_answer(aws, "0.99")
    with pytest.raises(Failure, match=r"scores the example row 0\.99"):
        deployment(living, archive).run()
    assert serving(living) == "imba-20260101000000"
    assert left() == ONE
    no_crimes(living)


def test_ctrl_c_while_updating_goes_back(living: Account, archive: Path, aws: str) -> None:
    living.sagemaker.polls = 6
    living.sagemaker.looked = interrupt_when("Updating")
    with pytest.raises(KeyboardInterrupt):
        deployment(living, archive).run()
    assert serving(living) == "imba-20260101000000"
    assert left() == ONE
    no_crimes(living)


def test_a_second_ctrl_c_while_updating_leaves_both(living: Account, archive: Path, aws: str, capsys) -> None:
    living.sagemaker.polls = 8
    living.sagemaker.looked = interrupt_when("Updating", times=2)
    with pytest.raises(KeyboardInterrupt):
        deployment(living, archive).run()
    assert "stays, with imba-20261122090000 and its models" in capsys.readouterr().err
    assert left() == {"endpoints": 1, "configs": 2, "models": 2, "objects": 2}
    no_crimes(living)
    take_down(living)
    assert left() == NOTHING


def test_a_busy_endpoint_is_not_moved(living: Account, archive: Path, aws: str) -> None:
    living.sagemaker._begin("Updating", lambda: None)
    with pytest.raises(Failure, match="endpoint imba is Updating; only one that is InService can move"):
        deployment(living, archive).run()
    assert left() == ONE


def test_a_broken_archive_is_refused_before_any_call(slow: Account, aws: str, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz"):
        pass
    with pytest.raises(Failure, match=r"model\.tar\.gz: not a model"):
        deployment(slow, tmp_path / "model.tar.gz").run()
    assert left() == NOTHING


def test_a_model_of_other_features_is_asked_the_medians_of_its_card(archive: Path, tmp_path: Path) -> None:
    import numpy as np
    import xgboost

    from imba_training import model

    data = xgboost.DMatrix(np.arange(20.0).reshape(10, 2), np.arange(10) > 4, feature_names=["a", "b"])
    booster = xgboost.train({"objective": "binary:logistic", "min_child_weight": 0}, data, 3)
    model.write(booster, tmp_path)
    with pytest.raises(Failure, match="no row is known to test it with"):
        deploy._example(Variant("main", tmp_path / "model.tar.gz"))
    booster.set_attr(**{"imba.card": '{"features": [{"quantiles": {"0.5": 8}}, {"quantiles": {"0.5": 9}}]}'})
    model.write(booster, tmp_path)
    row, score = deploy._example(Variant("main", tmp_path / "model.tar.gz"))
    assert row == "8,9"
    assert score == pytest.approx(float(booster.inplace_predict(np.array([[8.0, 9.0]]), validate_features=False)[0]))
