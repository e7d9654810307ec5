"""`deploy`: puts a model on a SageMaker endpoint, and asks it one row."""

import hashlib
import time
from collections.abc import Callable

import boto3
import botocore.exceptions
import numpy as np
import xgboost

from . import card, model, takedown
from .aws import Account, explained
from .columns import EXAMPLE, FEATURES
from .failures import Failure
from .hosting import Plan, Variant
from .output import say
from .takedown import Takedown, resource_id

TOLERANCE = 1e-5  # between the endpoint's score and the local one


class Deployment:
    """One attempt to get `plan` served.

    A failure removes what it made; where SageMaker does not let it, it leaves everything and names the command that
    removes it later.
    """

    def __init__(self, account: Account, plan: Plan, poll: float = 15.0) -> None:
        self.account, self.plan, self.poll = account, plan, poll
        self.sagemaker = account.sagemaker
        self.stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime())
        self.config = f"{plan.endpoint}-{self.stamp}"
        self.takedown = Takedown(account, plan.endpoint, poll)

    def run(self) -> None:
        """Creates the endpoint, or moves an existing one to the new models without a gap."""
        if problems := self.plan.problems():
            raise Failure("wrong arguments: " + "; ".join(problems))
        rows = {variant.name: _example(variant) for variant in self.plan.variants}
        with explained():
            before = self._before()
            self._require_bucket()
            try:
                self._create_config()
                self._start(before)
                self._wait()
                for name, (row, score) in rows.items():
                    self._smoke_test(name, row, score)
                self._scale()
            except BaseException:
                self._fail(before)
                raise
            if before:
                self._remove_old(before)

    def _before(self) -> str | None:
        """The config of the endpoint that is there already."""
        status = self.takedown.status()
        if not status:
            if self.plan.rollout.canary:
                raise Failure(f"--canary: there is no endpoint {self.plan.endpoint} yet that could move step by step")
            return None
        self.takedown.refuse_foreign()
        if status != "InService":
            raise Failure(f"endpoint {self.plan.endpoint} is {status}; only one that is InService can move")
        return self._describe()["EndpointConfigName"]

    def _describe(self) -> dict:
        return self.sagemaker.describe_endpoint(EndpointName=self.plan.endpoint)

    def _require_bucket(self) -> None:
        try:
            self.account.s3.head_bucket(Bucket=self.plan.bucket)
        except botocore.exceptions.ClientError as error:
            code = error.response.get("Error", {}).get("Code")
            why = {"404": "NoSuchBucket: it does not exist", "403": "AccessDenied: it is another's"}.get(code, code)
            raise Failure(f"bucket {self.plan.bucket}: {why}") from error

    def _create_config(self) -> None:
        plan = self.plan
        settings = [
            {"VariantName": v.name, "ModelName": self._create_model(v)} | plan.hosting.settings(v)
            for v in plan.variants
        ]
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=self.config,
            ProductionVariants=settings,
            Tags=takedown.tags(plan.endpoint),
            **(plan.capture.settings() if plan.capture else {}),
        )

    def _create_model(self, variant: Variant) -> str:
        bucket, key = self.plan.bucket, self._key(variant)
        say(f"deploy: uploading {variant.archive} to s3://{bucket}/{key}")
        try:
            self.account.s3.upload_file(str(variant.archive), bucket, key)
        except boto3.exceptions.S3UploadFailedError as error:
            raise Failure(f"s3://{bucket}/{key}: {error}") from error
        name = self._model_name(variant)
        self.sagemaker.create_model(
            ModelName=name,
            PrimaryContainer={"Image": self.plan.image, "ModelDataUrl": f"s3://{bucket}/{key}"},
            ExecutionRoleArn=self.plan.role,
            Tags=takedown.tags(self.plan.endpoint),
        )
        return name

    def _start(self, before: str | None) -> None:
        wish = {"EndpointName": self.plan.endpoint, "EndpointConfigName": self.config}
        if before:
            self.takedown.remove_scaling(keep=tuple(variant.name for variant in self.plan.variants))
            self.sagemaker.update_endpoint(**wish, **self.plan.rollout.settings())
        else:
            self.sagemaker.create_endpoint(**wish, Tags=takedown.tags(self.plan.endpoint))

    def _wait(self, config: str | None = None) -> None:
        """Until the endpoint serves `config`. InService with another config is a move not begun, or one rolled back."""
        config, endpoint = config or self.config, self.plan.endpoint
        patience = takedown.PATIENCE + (self.plan.rollout.wait if self.plan.rollout.canary else 0)
        started, said, has_moved = time.monotonic(), None, False
        while True:
            found = self._describe()
            status, passed = found["EndpointStatus"], time.monotonic() - started
            if status != said:
                say(f"deploy: endpoint {endpoint} is {status} after {passed:.0f} s")
                said = status
            if status == "InService" and found["EndpointConfigName"] == config:
                return
            reason = found.get("FailureReason", "SageMaker gives no reason")
            if status == "InService" and has_moved:
                raise Failure(f"endpoint {endpoint} went back to {found['EndpointConfigName']}: {reason}")
            if status not in (*takedown.BUSY, "InService"):
                raise Failure(f"endpoint {endpoint} is {status}: {reason}")
            if passed > patience:
                raise Failure(f"endpoint {endpoint} is still {status} after {passed / 60:.0f} minutes")
            has_moved = has_moved or status != "InService"
            time.sleep(self.poll)

    def _smoke_test(self, variant: str, row: str, expected: float) -> None:
        target = {"TargetVariant": variant} if len(self.plan.variants) > 1 else {}
        answer = self.account.runtime.invoke_endpoint(
            EndpointName=self.plan.endpoint, ContentType="text/csv", Accept="text/csv", Body=row, **target
        )
        body = answer["Body"].read().decode(errors="replace")
        try:
            score = float(body)
        except ValueError:
            raise Failure(f"variant {variant} answered {body[:200]!r} to one row; one number was expected") from None
        if not abs(score - expected) <= TOLERANCE:
            raise Failure(f"variant {variant} scores the example row {score}, the local model {expected}")
        say(f"deploy: variant {variant} scores the example row {score}, as the local model does")

    def _scale(self) -> None:
        if not (wish := self.plan.scaling):
            return
        for variant in self.plan.variants:
            target = {
                "ServiceNamespace": "sagemaker",
                "ResourceId": resource_id(self.plan.endpoint, variant.name),
                "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
            }
            self.account.scaling.register_scalable_target(**target, MinCapacity=wish.least, MaxCapacity=wish.most)
            self.account.scaling.put_scaling_policy(
                **target,
                PolicyName=f"{self.plan.endpoint}-invocations",
                PolicyType="TargetTrackingScaling",
                TargetTrackingScalingPolicyConfiguration={
                    "TargetValue": wish.target,
                    "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
                },
            )
            say(f"deploy: variant {variant.name} scales from {wish.least} to {wish.most} instances")

    def _fail(self, before: str | None) -> None:
        """Undoes what can be undone. The failure that led here is the one to show, so others are only mentioned."""
        say(f"deploy: failed; removing what was made for {self.config} (Ctrl-C: leave it)")
        try:
            if before:
                self._return_to(before)
            elif self.takedown.status():
                self.takedown.remove_endpoint()
            self.takedown.remove_config(self.config)
            for variant in self.plan.variants:
                self.takedown.remove_model(self._model_name(variant))
                self.account.s3.delete_object(Bucket=self.plan.bucket, Key=self._key(variant))
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError, Failure) as error:
            say(f"deploy: could not be undone: {error}")
            self._leave(before)
        except KeyboardInterrupt:
            self._leave(before)
            raise KeyboardInterrupt("some of what it had made is still there, see above") from None

    def _leave(self, before: str | None) -> None:
        """Says what is there and how to get rid of it; deletes nothing that an endpoint may still serve from."""
        if before:
            say(
                f"deploy: endpoint {self.plan.endpoint} stays, with {self.config} and its models; `deploy` again, or: "
                f"{self.takedown.command()}"
            )
        else:
            say(
                f"deploy: what was made for {self.plan.endpoint} stays; it costs money until you run: "
                f"{self.takedown.command()}"
            )

    def _return_to(self, before: str) -> None:
        started = time.monotonic()
        while (found := self._describe())["EndpointStatus"] in takedown.BUSY:
            if time.monotonic() - started > takedown.PATIENCE:
                raise Failure(f"endpoint {self.plan.endpoint} is still {found['EndpointStatus']}")
            time.sleep(self.poll)
        if found["EndpointStatus"] != "InService":
            raise Failure(f"endpoint {self.plan.endpoint} is {found['EndpointStatus']}")
        if found["EndpointConfigName"] != before:
            self.sagemaker.update_endpoint(EndpointName=self.plan.endpoint, EndpointConfigName=before)
            self._wait(before)

    def _remove_old(self, config: str) -> None:
        """The config that the endpoint has left, and its models; a failure here leaves the new endpoint alone."""
        try:
            variants = self.sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
            self.takedown.remove_config(config)
            for name in dict.fromkeys(variant["ModelName"] for variant in variants):
                self.takedown.remove_model(name)
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
            say(f"deploy: the new models serve, but {config} of the earlier ones could not be removed: {error}")

    def _model_name(self, variant: Variant) -> str:
        return f"{self.plan.endpoint}-{variant.name}-{self.stamp}"

    def _key(self, variant: Variant) -> str:
        content = hashlib.sha256(variant.archive.read_bytes()).hexdigest()[:12]
        return f"imba/{self.plan.endpoint}/{self.stamp}-{variant.name}-{content}/model.tar.gz"


def config_lines(endpoint: str, region: str) -> str:
    """What to put into the service's configuration to use the endpoint."""
    return f"""[scorer]
kind = "sagemaker"

[scorer.sagemaker]
endpoint_name = "{endpoint}"

[aws]
region = "{region}"
"""


def _example(variant: Variant) -> tuple[str, float]:
    """A row as CSV and the local model's score of it: the documented one, or else the medians in the card."""
    booster = model.read(variant.archive)
    values = EXAMPLE if booster.feature_names == list(FEATURES) else _medians(booster, variant)
    score: Callable = booster.inplace_predict
    return ",".join(map(str, values)), float(score(np.array([values], dtype=np.float32), validate_features=False)[0])


def _medians(booster: xgboost.Booster, variant: Variant) -> tuple[float, ...]:
    features = (card.read(booster) or {}).get("features") or []
    values = tuple(feature.get("quantiles", {}).get("0.5") for feature in features)
    if len(values) != booster.num_features() or None in values:
        raise Failure(
            f"{variant.archive}: neither the 18 features nor a card with medians: no row is known to test it with"
        )
    return values
