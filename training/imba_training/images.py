"""Where AWS keeps its XGBoost container: one ECR account per region (source: image tables of the SageMaker SDK)."""

import re

from .failures import Failure

VERSION = "3.2-0"  # carries XGBoost 3.2, the release this package trains with
# Since 3.1 the base score is stored as an array. XGBoost 3.0.5 loads such a model without complaint, and misreads it.
OLDEST = (3, 1)

_ACCOUNTS = {
    "af-south-1": "510948584623",
    "ap-east-1": "651117190479",
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "720646828776",
    "ap-south-2": "628508329040",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589",
    "ca-central-1": "341280168497",
    "ca-west-1": "190319476487",
    "cn-north-1": "450853457545",
    "cn-northwest-1": "451049120500",
    "eu-central-1": "492215442770",
    "eu-central-2": "680994064768",
    "eu-north-1": "662702820516",
    "eu-south-1": "978288397137",
    "eu-south-2": "104374241257",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "il-central-1": "898809789911",
    "me-central-1": "272398656194",
    "me-south-1": "801668240914",
    "sa-east-1": "737474898029",
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-gov-east-1": "237065988967",
    "us-gov-west-1": "414596584902",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}


def xgboost_image(region: str, version: str = VERSION) -> str:
    """The image URI of SageMaker's XGBoost container."""
    carried = re.match(r"(\d+)\.(\d+)-\d", version)
    if not carried:
        raise Failure(f"image version {version!r}: a version such as {VERSION} is expected")
    if tuple(map(int, carried.groups())) < OLDEST:
        raise Failure(
            f"image version {version} carries an XGBoost that scores models of this package wrongly; use {VERSION}"
        )
    if region not in _ACCOUNTS:
        raise Failure(f"region {region}: no XGBoost image is known there; name one with --image")
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{_ACCOUNTS[region]}.dkr.ecr.{region}.{domain}/sagemaker-xgboost:{version}"
