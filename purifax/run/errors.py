"""The errors of wrong command lines and of wrong data."""

__all__ = ["DataError", "UsageError"]


class UsageError(ValueError):
    """The command line is wrong; the message is one full sentence or two."""


class DataError(ValueError):
    """Data that is missing, damaged or misnamed; the message says what to do."""
