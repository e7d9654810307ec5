"""How schemathesis sends what it does not know: CSV is text."""

import schemathesis


@schemathesis.serializer("text/csv")
def csv(_ctx: object, value: object) -> bytes:
    return str(value).encode("utf-8", "surrogateescape" if isinstance(value, str) else "strict")
