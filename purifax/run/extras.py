"""What a run writes beside its results: pictures and pages, which may fail alone."""

import contextlib
from collections.abc import Iterator

from purifax.run.progress import say

__all__ = ["extra"]


@contextlib.contextmanager
def extra(what: str) -> Iterator[None]:
    """Within it, an error is one line on stderr, and what follows is done.

    Results come first: a record or a summary is never written within it, nor after.

    Args:
        what: the file that is missing then.

    >>> with extra("grid.png"):
    ...     {}["no such picture"]
    """
    try:
        yield
    except Exception as error:  # of matplotlib, of a font, of a full disk
        words = " ".join(str(error).split()) or "no reason given"
        known = isinstance(error, ModuleNotFoundError)
        why = words if known else f"{type(error).__name__}: {words}"
        say(f"warning: no {what} ({why}); all numbers are written.")
