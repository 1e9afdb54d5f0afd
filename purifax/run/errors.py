"""The error of a command line that is wrong."""

__all__ = ["UsageError"]


class UsageError(ValueError):
    """The command line is wrong; the message is one full sentence or two."""
