"""The Open Inference Protocol as real clients speak it: Triton's over HTTP and gRPC, grpcio's reflection and health.

    python open_inference.py ADDRESS ROWS

ROWS is a CSV file of feature rows, an empty cell being a missing value. Every score is compared with `/predict`'s.
"""

import json
import sys
import tempfile
from pathlib import Path

import grpc
import numpy as np
import tritonclient.grpc
import tritonclient.http
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_tools import protoc
from predicted import predict, read_rows
from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException

ADDRESS, ROWS = sys.argv[1], Path(sys.argv[2])
PROTO = Path(__file__).resolve().parent.parent.parent / "src" / "api" / "oip" / "grpc"
SERVICE = "inference.GRPCInferenceService"


def same(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.dtype == np.float32 and found.shape == expected.shape, (found.dtype, found.shape)
    assert np.array_equal(found.astype(np.float64), expected), np.abs(found - expected).max()


def refused(call, *words: str) -> InferenceServerException:
    try:
        call()
    except InferenceServerException as error:
        assert all(word in str(error) for word in words), error
        return error
    raise AssertionError(f"nothing was refused; expected {words}")


def one_input(module, rows: np.ndarray, datatype: str = "FP32", **how):
    tensor = module.InferInput("rows", list(rows.shape), datatype)
    tensor.set_data_from_numpy(rows, **how)
    return [tensor]


def http(rows: np.ndarray, expected: np.ndarray) -> None:
    module = tritonclient.http
    client = module.InferenceServerClient(ADDRESS)
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("imba")
    assert not client.is_model_ready("other")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    model = client.get_model_metadata("imba")
    version = model["versions"][0]
    assert (
        model["inputs"][0]["shape"] == [-1, rows.shape[1]]
        and len(model["parameters"]["feature_names"]) == rows.shape[1]
    )
    assert client.get_model_repository_index() == [{"name": "imba", "version": version, "state": "READY", "reason": ""}]
    known = rows[~np.isnan(rows).any(axis=1)]

    # Binary both ways, by default; compressed; JSON both ways; a mixture.
    for how in (
        {},
        {"request_compression_algorithm": "gzip", "response_compression_algorithm": "gzip"},
        {"request_compression_algorithm": "deflate"},
    ):
        answer = client.infer("imba", one_input(module, rows), request_id="7", **how)
        same(answer.as_numpy("score"), expected)
        assert answer.get_response()["id"] == "7" and answer.get_response()["model_version"] == version
    outputs = [module.InferRequestedOutput("score", binary_data=False)]
    answer = client.infer("imba", one_input(module, known, binary_data=False), model_version=version, outputs=outputs)
    same(answer.as_numpy("score"), predict(ADDRESS, known))
    assert answer.get_response()["outputs"][0]["data"] == predict(ADDRESS, known).tolist()
    names = ("leaf", "score", "contributions", "margin")
    outputs = [module.InferRequestedOutput(name, binary_data=name != "score") for name in names]
    answer = client.infer("imba", one_input(module, rows), outputs=outputs)
    check_outputs(answer, rows, expected)

    # Other datatypes, and a tensor per feature.
    whole = np.arange(2 * rows.shape[1]).reshape(2, -1)
    wholes = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]
    names = {"FP64": np.float64, "FP16": np.float16} | {kind.__name__.upper(): kind for kind in wholes}
    for datatype, kind in names.items():
        answer = client.infer("imba", one_input(module, whole.astype(kind), datatype))
        same(answer.as_numpy("score"), predict(ADDRESS, whole.astype(np.float32)))
    truth = one_input(module, whole % 2 == 1, "BOOL")
    same(client.infer("imba", truth).as_numpy("score"), predict(ADDRESS, (whole % 2).astype(np.float32)))
    tensors = []
    for at, name in reversed(list(enumerate(model["parameters"]["feature_names"]))):
        tensors.append(module.InferInput(name, [len(rows), 1], "FP32"))
        tensors[-1].set_data_from_numpy(rows[:, at : at + 1])
    same(client.infer("imba", tensors).as_numpy("score"), expected)

    refused(lambda: client.infer("other", one_input(module, rows)), "there is no model")
    refused(lambda: client.infer("imba", one_input(module, rows), model_version="2"), "there is no version")
    refused(lambda: client.infer("imba", one_input(module, rows[:, 1:])), "expected [rows, 18]")
    client.close()


def check_outputs(answer, rows: np.ndarray, expected: np.ndarray) -> None:
    same(answer.as_numpy("score"), expected)
    leaves, margins, parts = (answer.as_numpy(name) for name in ("leaf", "margin", "contributions"))
    assert leaves.dtype == np.int32 and leaves.shape[0] == len(rows) and margins.shape == (len(rows),)
    assert parts.shape == (len(rows), rows.shape[1] + 1)
    assert np.allclose(parts.sum(axis=1), margins, atol=1e-4)
    assert np.allclose(1 / (1 + np.exp(-margins.astype(np.float64))), expected, atol=1e-6)


def over_grpc(rows: np.ndarray, expected: np.ndarray) -> None:
    module = tritonclient.grpc
    client = module.InferenceServerClient(ADDRESS)
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("imba")
    assert client.get_server_metadata().name == "imba"
    model = client.get_model_metadata("imba")
    version = model.versions[0]
    assert list(model.inputs[0].shape) == [-1, rows.shape[1]] and model.inputs[0].datatype == "FP32"
    for how in ({}, {"compression_algorithm": "gzip"}, {"compression_algorithm": "deflate"}, {"client_timeout": 9}):
        answer = client.infer("imba", one_input(module, rows), request_id="7", **how)
        same(answer.as_numpy("score"), expected)
        assert answer.get_response().id == "7" and answer.get_response().model_version == version
    outputs = [module.InferRequestedOutput(name) for name in ("leaf", "score", "contributions", "margin")]
    check_outputs(client.infer("imba", one_input(module, rows), outputs=outputs), rows, expected)

    code = refused(lambda: client.infer("other", one_input(module, rows)), "there is no model").status()
    assert code == "StatusCode.NOT_FOUND", code
    code = refused(lambda: client.is_model_ready("imba", "2"), "there is no version").status()
    assert code == "StatusCode.NOT_FOUND", code
    code = refused(lambda: client.infer("imba", one_input(module, rows[:, 1:])), "expected [rows, 18]").status()
    assert code == "StatusCode.INVALID_ARGUMENT", code
    large = np.zeros((100_000, rows.shape[1]), dtype=np.float32)
    code = refused(lambda: client.infer("imba", one_input(module, large)), "server.body_limit").status()
    assert code == "StatusCode.RESOURCE_EXHAUSTED", code
    code = refused(lambda: client.get_model_config("imba")).status()
    assert code == "StatusCode.UNIMPLEMENTED", code
    client.close()


def typed(rows: np.ndarray, expected: np.ndarray, channel: grpc.Channel) -> None:
    """Typed contents, which Triton's client does not send; the answer has them too."""
    infer = channel.unary_unary(
        f"/{SERVICE}/ModelInfer",
        request_serializer=service_pb2.ModelInferRequest.SerializeToString,
        response_deserializer=service_pb2.ModelInferResponse.FromString,
    )
    whole = np.arange(2 * rows.shape[1]).reshape(2, -1)
    whole_scores = predict(ADDRESS, whole.astype(np.float32))
    for datatype, field, values, scores in [
        ("FP32", "fp32_contents", rows, expected),
        ("FP64", "fp64_contents", rows, expected),
        ("INT8", "int_contents", whole, whole_scores),
        ("INT64", "int64_contents", whole, whole_scores),
        ("UINT16", "uint_contents", whole, whole_scores),
        ("UINT64", "uint64_contents", whole, whole_scores),
        ("BOOL", "bool_contents", whole % 2 == 1, predict(ADDRESS, (whole % 2).astype(np.float32))),
    ]:
        request = service_pb2.ModelInferRequest(model_name="imba")
        tensor = request.inputs.add(name="rows", datatype=datatype, shape=list(values.shape))
        getattr(tensor.contents, field).extend(values.flatten().tolist())
        answer = infer(request)
        assert not answer.raw_output_contents
        found = np.array(answer.outputs[0].contents.fp32_contents, dtype=np.float32)
        same(found, scores)
    for wrong, words in [
        ({"datatype": "FP32", "shape": [1, 18]}, "neither contents nor raw_input_contents"),
        ({"datatype": "FP16", "shape": [1, 18], "contents": {"fp32_contents": [0] * 18}}, "no typed contents"),
        ({"datatype": "FP32", "shape": [1, 18], "contents": {"fp64_contents": [0] * 18}}, "another datatype"),
        ({"datatype": "FP32", "shape": [2**62, 18], "contents": {"fp32_contents": [0] * 18}}, "server.rows_limit"),
        ({"datatype": "FP32", "shape": [99, 18], "contents": {"fp32_contents": [0] * 18}}, "do not fit shape"),
        ({"datatype": "BYTES", "shape": [1, 18], "contents": {"bytes_contents": [b"1"] * 18}}, "holds no numbers"),
    ]:
        request = service_pb2.ModelInferRequest(model_name="imba", inputs=[{"name": "rows", **wrong}])
        try:
            infer(request)
            raise AssertionError(f"{wrong} is not refused")
        except grpc.RpcError as error:
            limits = "rows_limit" in words
            code = grpc.StatusCode.RESOURCE_EXHAUSTED if limits else grpc.StatusCode.INVALID_ARGUMENT
            assert error.code() == code and words in error.details(), (error.code(), error.details())


def reflection(channel: grpc.Channel) -> None:
    database = ProtoReflectionDescriptorDatabase(channel)
    assert {SERVICE, "grpc.health.v1.Health"} <= set(database.get_services())
    service = DescriptorPool(database).FindServiceByName(SERVICE)

    # As the file says, compiled anew; and no field is otherwise than in Triton's proto, which has more of them.
    with tempfile.NamedTemporaryFile() as compiled:
        assert protoc.main(["", f"-I{PROTO}", f"--descriptor_set_out={compiled.name}", "open_inference.proto"]) == 0
        [file] = descriptor_pb2.FileDescriptorSet.FromString(compiled.read()).file
    reflected = descriptor_pb2.FileDescriptorProto()
    service.file.CopyToProto(reflected)
    assert reflected == file, "open_inference.desc is stale: its .proto says how to make it"

    for method in service.methods:
        for message in (method.input_type, method.output_type):
            compare(message, service_pb2.DESCRIPTOR.message_types_by_name[message.name])


def compare(ours, theirs) -> None:
    for field in ours.fields:
        if field.name == "properties":
            continue  # KServe's proto has it, Triton's does not.
        other = theirs.fields_by_number[field.number]
        found, expected = (
            (one.name, one.type, one.is_repeated if hasattr(one, "is_repeated") else one.label)
            for one in (field, other)
        )
        assert found == expected, (ours.full_name, found, expected)
        if field.message_type:
            compare(field.message_type, other.message_type)


def health(channel: grpc.Channel) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("", SERVICE):
        request = health_pb2.HealthCheckRequest(service=service)
        assert stub.Check(request).status == health_pb2.HealthCheckResponse.SERVING
        watch = stub.Watch(request)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()
    try:
        stub.Check(health_pb2.HealthCheckRequest(service="other"))
        raise AssertionError("an unknown service has no health")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error


def main() -> None:
    rows = read_rows(ROWS)
    expected = predict(ADDRESS, rows)
    http(rows, expected)
    over_grpc(rows, expected)
    with grpc.insecure_channel(ADDRESS) as channel:
        typed(rows, expected, channel)
        reflection(channel)
        health(channel)
    print(json.dumps({"rows": len(rows)}))


if __name__ == "__main__":
    main()
