"""The old functions' job as most teams would write it as a service: FastAPI over boto3, one worker, its usual threads.

pip install fastapi uvicorn[standard] boto3
python benches/fastapi_boto3.py PORT ENDPOINT_URL
"""

import sys

import boto3
import uvicorn
from botocore.config import Config
from fastapi import Body, FastAPI
from fastapi.responses import PlainTextResponse

client = boto3.client("sagemaker-runtime", endpoint_url=sys.argv[2], config=Config(max_pool_connections=64))
app = FastAPI()


@app.post("/predict", response_class=PlainTextResponse)
def predict(row: bytes = Body()) -> str:
    answer = client.invoke_endpoint(EndpointName="imba", ContentType="text/csv", Body=row)
    return str(float(answer["Body"].read()))


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="warning")
