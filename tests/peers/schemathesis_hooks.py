"""How schemathesis sends what it does not know: CSV is text."""

import schemathesis


@schemathesis.serializer("text/csv")
def csv(_context: object, value: object) -> bytes:
    """Give the bytes of a generated text."""
    return str(value).encode("utf-8", "replace")
