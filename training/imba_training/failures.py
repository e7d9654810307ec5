"""The one exception that is shown to the user as a sentence instead of a traceback."""


class Failure(Exception):  # noqa: N818 (it is what the user sees, not what went wrong inside)
    """Something the user can put right; the message says what, where and what was expected."""
