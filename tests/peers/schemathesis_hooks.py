"""How schemathesis sends what it does not know, and what nobody could guess."""

import os

import schemathesis


@schemathesis.serializer("text/csv", "text/libsvm", "application/x-recordio-protobuf", "application/octet-stream")
def plain(_context: object, value: object) -> bytes:
    """Give the bytes of a generated text, or those that were generated."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@schemathesis.hook
def map_path_parameters(_context: object, parameters: dict[str, object] | None) -> dict[str, object] | None:
    """Name the model that is there, three times of four: no other is."""
    for name, value in (("name", "imba"), ("version", os.environ.get("MODEL_VERSION"))):
        if parameters and name in parameters and value and sum(str(parameters[name]).encode()) % 4:
            parameters[name] = value
    return parameters
