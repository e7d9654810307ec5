"""What a deployment asks for: variants, machines, roll-out, scaling, data capture; and what is wrong with a wish."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_NAME = re.compile(r"[a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,31}")  # SageMaker takes 63; variant and time are appended
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_INSTANCE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")
_S3 = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/.*)?")
INSTANCE_TYPE, INSTANCE_COUNT, CONCURRENCY = "ml.m5.large", 1, 5
MEMORIES = range(1024, 6145, 1024)  # MB that a serverless endpoint may have


@dataclass(frozen=True)
class Variant:
    """One model behind the endpoint, and its share of the traffic."""

    name: str
    archive: Path
    weight: float = 1.0


@dataclass(frozen=True)
class Hosting:
    """Instances, or with `serverless_memory` (MB) a serverless endpoint. None: not asked for, so the default."""

    instance_type: str | None = None
    instance_count: int | None = None
    serverless_memory: int | None = None
    serverless_concurrency: int | None = None

    def settings(self, variant: Variant) -> dict[str, object]:
        """Their part of a production variant."""
        if self.serverless_memory:
            return {
                "ServerlessConfig": {
                    "MemorySizeInMB": self.serverless_memory,
                    "MaxConcurrency": self.serverless_concurrency or CONCURRENCY,
                }
            }
        return {
            "InstanceType": self.instance_type or INSTANCE_TYPE,
            "InitialInstanceCount": self.instance_count or INSTANCE_COUNT,
            "InitialVariantWeight": variant.weight,
        }


@dataclass(frozen=True)
class Rollout:
    """How an existing endpoint moves: `canary` percent of the capacity first, watched for `wait` seconds by CloudWatch
    `alarms`, any of which makes SageMaker go back. Without a canary, all at once."""

    canary: int | None = None
    wait: int = 600
    alarms: tuple[str, ...] = ()

    def settings(self) -> dict[str, object]:
        """The arguments for UpdateEndpoint."""
        if not self.canary:
            return {}
        routing = {
            "Type": "CANARY",
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": self.canary},
            "WaitIntervalInSeconds": self.wait,
        }
        policy: dict[str, object] = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}
        if self.alarms:
            policy["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in self.alarms]}
        return {"DeploymentConfig": policy}


@dataclass(frozen=True)
class Scaling:
    """Between `least` and `most` instances per variant, so that each gets about `target` invocations a minute."""

    least: int
    most: int
    target: float


@dataclass(frozen=True)
class Capture:
    """What the endpoint is asked and answers, kept at an S3 address: `share` percent of it."""

    address: str
    share: int = 100

    def settings(self) -> dict[str, object]:
        """The arguments for CreateEndpointConfig."""
        return {
            "DataCaptureConfig": {
                "EnableCapture": True,
                "InitialSamplingPercentage": self.share,
                "DestinationS3Uri": self.address,
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
                "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
            }
        }


@dataclass(frozen=True)
class Plan:
    endpoint: str
    variants: list[Variant]
    role: str
    bucket: str
    image: str
    hosting: Hosting = field(default_factory=Hosting)
    rollout: Rollout = field(default_factory=Rollout)
    scaling: Scaling | None = None
    capture: Capture | None = None

    def problems(self) -> list[str]:
        """Everything that can be seen to be wrong without asking AWS."""
        return [*self._names(), *self._machines(), *self._extras()]

    def _names(self) -> Iterator[str]:
        names = [variant.name for variant in self.variants]
        for name in (self.endpoint, *names):
            if not _NAME.fullmatch(name):
                yield f"name {name!r}: 1 to 32 letters and digits are expected, with hyphens between them"
        if len(self.endpoint) + max(map(len, names)) > 46:
            yield f"names {self.endpoint!r} and {max(names, key=len)!r} together are longer than 46 characters"
        if len(set(names)) < len(names):
            yield f"variants {', '.join(names)}: each needs a name of its own"
        if not _ROLE.fullmatch(self.role):
            yield f"role {self.role!r}: an ARN such as arn:aws:iam::123456789012:role/imba is expected"
        if not _BUCKET.fullmatch(self.bucket):
            yield f"bucket {self.bucket!r}: a name of 3 to 63 small letters, digits, dots and hyphens is expected"
        for variant in self.variants:
            if not variant.archive.is_file():
                yield f"model {variant.archive}: not there; `python -m imba_training train` makes model.tar.gz"

    def _machines(self) -> Iterator[str]:
        wish = self.hosting
        if wish.serverless_memory:
            if wish.instance_type or wish.instance_count:
                yield "--serverless-memory and --instance-type or --instance-count exclude each other"
            if len(self.variants) > 1:
                yield "a serverless endpoint takes one variant only"
            if wish.serverless_memory not in MEMORIES:
                sizes = ", ".join(map(str, MEMORIES))
                yield f"--serverless-memory {wish.serverless_memory}: one of {sizes} is expected"
            if not 1 <= (wish.serverless_concurrency or CONCURRENCY) <= 200:
                yield f"--serverless-concurrency {wish.serverless_concurrency}: 1 to 200 is expected"
            for name, asked in (
                ("canary", self.rollout.canary),
                ("autoscale", self.scaling),
                ("capture", self.capture),
            ):
                if asked:
                    yield f"--{name}: SageMaker does not offer it for serverless endpoints"
        elif wish.serverless_concurrency:
            yield "--serverless-concurrency needs --serverless-memory"
        if wish.instance_type and not _INSTANCE.fullmatch(wish.instance_type):
            yield f"--instance-type {wish.instance_type}: a type such as {INSTANCE_TYPE} is expected"

    def _extras(self) -> Iterator[str]:
        if self.rollout.canary and not 1 <= self.rollout.canary <= 50:
            yield f"--canary {self.rollout.canary}%: 1 to 50 % is expected"
        if self.rollout.alarms and not self.rollout.canary:
            yield "--alarm needs --canary"
        if not 0 <= self.rollout.wait <= 3600:
            yield f"--canary-wait: at most an hour, not {self.rollout.wait} s"
        if self.scaling:
            count = self.hosting.instance_count or INSTANCE_COUNT
            if not 1 <= self.scaling.least <= count <= self.scaling.most:
                yield (
                    f"--autoscale {self.scaling.least}..{self.scaling.most}: the range must hold the {count} instances "
                    "that the endpoint starts with"
                )
        if self.capture and not _S3.fullmatch(self.capture.address):
            yield f"--capture {self.capture.address}: an address such as s3://bucket/prefix is expected"
