"""The old function's calls of its endpoint, by boto3: prints what each gives, one JSON object per line.

    invoke.py URL ROWS

The first line is what the old function answered, `str(float(body))`; then come JSON, a stream, and errors of boto3.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def main(url: str, rows: str) -> None:
    client = boto3.client(
        "sagemaker-runtime",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id="AKIDTEST",
        aws_secret_access_key="secret",  # noqa: S106 - nobody looks at it
        config=Config(retries={"max_attempts": 0}, read_timeout=20),
    )

    def said(**found: object) -> None:
        print(json.dumps(found), flush=True)

    def failed(**request: object) -> None:
        try:
            client.invoke_endpoint(EndpointName="imba", **request)
        except ClientError as error:
            answer = error.response
            said(
                code=answer["Error"]["Code"],
                message=answer["Error"]["Message"],
                status=answer["ResponseMetadata"]["HTTPStatusCode"],
                original=answer.get("OriginalStatusCode"),
                text=answer.get("OriginalMessage"),
            )
        else:
            said(code=None)

    answer = client.invoke_endpoint(EndpointName="imba", ContentType="text/csv", Body=rows.encode())
    said(
        score=str(float(answer["Body"].read().decode())),
        type=answer["ContentType"],
        variant=answer["InvokedProductionVariant"],
        id=answer["ResponseMetadata"]["RequestId"],
    )
    answer = client.invoke_endpoint(
        EndpointName="imba",
        ContentType="text/csv",
        Accept="application/json",
        CustomAttributes="trace=7",
        TargetVariant="AllTraffic",
        Body=rows,
    )
    said(answer=json.load(answer["Body"]), attributes=answer["CustomAttributes"], type=answer["ContentType"])
    answer = client.invoke_endpoint_with_response_stream(
        EndpointName="imba", ContentType="text/csv", Accept="application/json", CustomAttributes="trace=8", Body=rows
    )
    parts = [event["PayloadPart"]["Bytes"].decode() for event in answer["Body"]]
    said(parts=parts, attributes=answer["CustomAttributes"], type=answer["ContentType"])
    failed(ContentType="text/csv", Body="a,b")
    failed(ContentType="text/csv", Body=rows, TargetModel="other.tar.gz")
    failed(ContentType="text/csv", Body=rows, TargetVariant="blue")


if __name__ == "__main__":
    main(*sys.argv[1:])
