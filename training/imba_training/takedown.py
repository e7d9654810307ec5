"""Taking an endpoint down, and what belongs to it. It can be stopped and begun again at any point.

Everything `deploy` makes carries the tags made-by and endpoint, by which it is found again; nothing else is touched.
The order is the living endpoint first, then its configs, then the archives, and the models, which know where the
archives are, last.
"""

import time

import botocore.exceptions

from .aws import Account, absent_is_fine, explained, is_absent
from .failures import Failure
from .output import say

PATIENCE = 45 * 60.0  # seconds; an endpoint usually takes 3 to 10 minutes
BUSY = ("Creating", "Updating", "SystemUpdating", "RollingBack")  # SageMaker refuses to delete an endpoint meanwhile
MADE_BY = {"Key": "made-by", "Value": "imba-training"}


def tags(endpoint: str) -> list[dict[str, str]]:
    return [MADE_BY, {"Key": "endpoint", "Value": endpoint}]


class Takedown:
    """Of one endpoint; `poll` is in seconds."""

    def __init__(self, account: Account, endpoint: str, poll: float) -> None:
        self.account, self.endpoint, self.poll = account, endpoint, poll
        self.sagemaker = account.sagemaker

    def command(self) -> str:
        """What takes down whatever is left."""
        return f"python -m imba_training deploy {self.endpoint} --delete --region {self.account.region}"

    def everything(self, bucket: str | None = None) -> None:
        """Deletes the endpoint, its configs, models and archives; with `bucket`, also archives without a model."""
        with explained():
            status = self.status()
            configs, models = self.configs(), self.models()
            if status:
                self.refuse_foreign()
            elif not configs and not models and not bucket:
                raise Failure(f"no endpoint {self.endpoint} in {self.account.region}, and nothing left of one")
            try:
                if status:
                    self.remove_endpoint()
                for config in configs:
                    self.remove_config(config)
                for name in models:
                    self.remove_model(name)
                if bucket:
                    self.sweep(bucket)
            except BaseException:
                say(f"deploy: not finished; go on with: {self.command()}")
                raise

    def status(self) -> str | None:
        try:
            return self.sagemaker.describe_endpoint(EndpointName=self.endpoint)["EndpointStatus"]
        except botocore.exceptions.ClientError as error:
            if is_absent(error):
                return None
            raise

    def refuse_foreign(self) -> None:
        with absent_is_fine():  # it may go while it is looked at
            arn = self.sagemaker.describe_endpoint(EndpointName=self.endpoint)["EndpointArn"]
            if MADE_BY not in self._tags(arn):
                raise Failure(
                    f"endpoint {self.endpoint} was not made by this tool (no tag made-by=imba-training); left alone"
                )

    def remove_endpoint(self) -> None:
        """Waits until SageMaker lets the endpoint be deleted, deletes it, and waits until it is gone."""
        started, said = time.monotonic(), False
        while (status := self.status()) in BUSY:
            if not said:
                say(f"deploy: endpoint {self.endpoint} is {status}; SageMaker deletes it only afterwards: waiting")
                said = True
            self._pause(started, status)
        if status and status != "Deleting":
            self.remove_scaling()
            with absent_is_fine():
                self.sagemaker.delete_endpoint(EndpointName=self.endpoint)
        while status := self.status():
            if status == "Failed":
                raise Failure(f"endpoint {self.endpoint} could not be deleted: it is {status}")
            self._pause(started, status)
        say(f"deploy: endpoint {self.endpoint} deleted")

    def _pause(self, started: float, status: str) -> None:
        if time.monotonic() - started > PATIENCE:
            raise Failure(f"endpoint {self.endpoint} is still {status} after {PATIENCE / 60:.0f} minutes")
        time.sleep(self.poll)

    def remove_scaling(self, keep: tuple[str, ...] = ()) -> None:
        """Ends the scaling of all variants but `keep`."""
        variants = self.sagemaker.describe_endpoint(EndpointName=self.endpoint).get("ProductionVariants", [])
        names = [variant["VariantName"] for variant in variants if variant["VariantName"] not in keep]
        targets = {resource_id(self.endpoint, name) for name in names}
        if not targets:
            return
        found = self.account.scaling.describe_scalable_targets(
            ServiceNamespace="sagemaker", ResourceIds=sorted(targets)
        )
        for target in found["ScalableTargets"]:
            with absent_is_fine():
                self.account.scaling.deregister_scalable_target(
                    ServiceNamespace="sagemaker",
                    ResourceId=target["ResourceId"],
                    ScalableDimension=target["ScalableDimension"],
                )

    def configs(self) -> list[str]:
        return self._ours("list_endpoint_configs", "EndpointConfigs", "EndpointConfig")

    def models(self) -> list[str]:
        return self._ours("list_models", "Models", "Model")

    def remove_config(self, name: str) -> None:
        with absent_is_fine():
            self.sagemaker.delete_endpoint_config(EndpointConfigName=name)
            say(f"deploy: endpoint config {name} deleted")

    def remove_model(self, name: str) -> None:
        """The archive first: only the model knows where it is."""
        with absent_is_fine():
            found = self.sagemaker.describe_model(ModelName=name)
            bucket, key = found["PrimaryContainer"]["ModelDataUrl"].removeprefix("s3://").split("/", 1)
            self._remove_archive(bucket, key)
            self.sagemaker.delete_model(ModelName=name)
            say(f"deploy: model {name} deleted")

    def sweep(self, bucket: str) -> None:
        """Archives in `bucket` that were uploaded for the endpoint and are no model's."""
        pages = self.account.s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=f"imba/{self.endpoint}/"
        )
        for page in pages:
            for entry in page.get("Contents", []):
                self._remove_archive(bucket, entry["Key"])

    def _remove_archive(self, bucket: str, key: str) -> None:
        with absent_is_fine():
            self.account.s3.delete_object(Bucket=bucket, Key=key)
            say(f"deploy: s3://{bucket}/{key} deleted")

    def _ours(self, operation: str, plural: str, singular: str) -> list[str]:
        wanted, found = tags(self.endpoint), []
        for page in self.sagemaker.get_paginator(operation).paginate(NameContains=self.endpoint):
            for entry in page[plural]:
                name, arn = entry[f"{singular}Name"], entry[f"{singular}Arn"]
                if name.startswith(f"{self.endpoint}-") and all(tag in self._tags(arn) for tag in wanted):
                    found.append(name)
        return found

    def _tags(self, arn: str) -> list[dict[str, str]]:
        pages = self.sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
        return [tag for page in pages for tag in page["Tags"]]


def resource_id(endpoint: str, variant: str) -> str:
    """How Application Auto Scaling names a variant."""
    return f"endpoint/{endpoint}/variant/{variant}"
