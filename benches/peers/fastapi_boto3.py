"""The old functions' job as most teams would write it as a service: FastAPI over boto3, one worker, its usual threads.

python fastapi_boto3.py PORT URL, where URL stands for AWS.
"""

import sys

import boto3
import uvicorn
from botocore.config import Config
from fastapi import Body, FastAPI
from fastapi.responses import PlainTextResponse

config = Config(max_pool_connections=64)
endpoint = boto3.client("sagemaker-runtime", endpoint_url=sys.argv[2], config=config)
table = boto3.client("dynamodb", endpoint_url=sys.argv[2], config=config)
app = FastAPI()


def score(row: bytes | str) -> str:
    answer = endpoint.invoke_endpoint(EndpointName="imba", ContentType="text/csv", Body=row)
    return str(float(answer["Body"].read()))


@app.post("/predict", response_class=PlainTextResponse)
def predict(row: bytes = Body()) -> str:
    return score(row)


@app.post("/predict/pair", response_class=PlainTextResponse)
def pair(pair: bytes = Body()) -> str:
    user, product = pair.decode().split(",")
    key = {"user_id": {"S": user}, "product_id": {"S": product}}
    return score(table.get_item(TableName="imba", Key=key)["Item"]["feature"]["S"])


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="warning")
