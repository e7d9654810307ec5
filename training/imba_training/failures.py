"""The one exception that is shown to the user as a sentence instead of a traceback."""


class Failure(Exception):
    """Something the user can put right; the message says what, where and what was expected."""
