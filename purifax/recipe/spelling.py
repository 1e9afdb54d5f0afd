"""The known word that a misspelt one was meant to be."""

import difflib
from collections.abc import Iterable

__all__ = ["nearest"]


def nearest(word: str, known: Iterable[str], prefix: str = "") -> str:
    """Ends a sentence with the known word nearest to `word`, or with all of them.

    >>> nearest("langvin", ["langevin", "mala"])
    '; did you mean langevin?'
    """
    known = list(known)
    lower = {name.lower(): name for name in reversed(known)}
    close = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {prefix}{lower[close[0]]}?"
    return f"; known: {', '.join(prefix + name for name in known)}."
