"""Both versions of KServe's protocol as its own clients speak them: REST, with and without binary tensors, and gRPC.

    python kserve_client.py ADDRESS ROWS

ROWS is a CSV file of feature rows, an empty cell being a missing value. Every score is compared with `/predict`'s.
"""

import asyncio
import json
import sys
from pathlib import Path

import grpc
import httpx
import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferOutput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from predicted import predict, read_rows

ADDRESS, ROWS = sys.argv[1], Path(sys.argv[2])
URL = f"http://{ADDRESS}"


def same(found: np.ndarray, expected: np.ndarray) -> None:
    assert np.array_equal(np.asarray(found, dtype=np.float64), expected), (found[:3], expected[:3])


def request(rows: np.ndarray, *, binary: bool, outputs: list[RequestedOutput] | None = None) -> InferRequest:
    tensor = InferInput(name="rows", shape=list(rows.shape), datatype="FP32")
    tensor.set_data_from_numpy(rows, binary_data=binary)
    return InferRequest(model_name="imba", infer_inputs=[tensor], request_id="7", request_outputs=outputs)


async def version_2(rows: np.ndarray, expected: np.ndarray) -> None:
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    assert await client.is_server_live(URL) and await client.is_server_ready(URL)
    assert await client.is_model_ready(URL, "imba") and not await client.is_model_ready(URL, "other")
    for binary in (False, True):
        for output in (None, [RequestedOutput("score", parameters={"binary_data": binary})]):
            answer = await client.infer(URL, request(rows, binary=binary, outputs=output), model_name="imba")
            assert (answer.id, answer.model_name) == ("7", "imba"), answer
            score: InferOutput = answer.outputs[0]
            assert (score.name, score.datatype, score.shape) == ("score", "FP32", [len(rows)]), score
            same(score.as_numpy(), expected)
    try:
        await client.infer(URL, request(rows[:, 1:], binary=True), model_name="imba")
    except httpx.HTTPStatusError as error:
        assert "expected [rows, 18]" in str(error) and error.response.status_code == 400, error
    else:
        raise AssertionError("rows too narrow are scored")


async def version_1(rows: np.ndarray, expected: np.ndarray) -> None:
    client = InferenceRESTClient(RESTConfig(protocol="v1"))
    assert await client.is_model_ready(URL, "imba")
    instances = [[None if np.isnan(cell) else float(cell) for cell in row] for row in rows]
    answer = await client.infer(URL, {"instances": instances}, model_name="imba")
    same(answer["predictions"], expected)
    explained = await client.explain(URL, "imba", {"instances": instances[:3]})
    same(explained["predictions"], expected[:3])
    assert len(explained["explanations"]) == 3


async def over_grpc(rows: np.ndarray, expected: np.ndarray) -> None:
    client = InferenceGRPCClient(ADDRESS)
    assert await client.is_server_live() and await client.is_server_ready() and await client.is_model_ready("imba")
    for binary in (False, True):
        answer = await client.infer(request(rows, binary=binary))
        assert (answer.id, answer.outputs[0].name) == ("7", "score"), answer
        same(answer.outputs[0].as_numpy(), expected)
    try:
        await client.is_model_ready("other")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error
    else:
        raise AssertionError("another model is ready")
    await client.close()


async def main() -> None:
    rows = read_rows(ROWS)
    expected = predict(ADDRESS, rows)
    await version_2(rows, expected)
    await version_1(rows, expected)
    await over_grpc(rows, expected)
    print(json.dumps({"rows": len(rows)}))


asyncio.run(main())
