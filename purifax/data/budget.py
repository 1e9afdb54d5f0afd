"""What a reader may allocate: the memory at hand, and how far a file may unpack.

A reader asks here before it allocates, with the sizes that headers state. A header that
promises too much, or a small file that unpacks to a huge one, then costs one line
instead of the machine's memory.

>>> afford("a.npz", 1 << 20)
>>> afford("a.npz", 1 << 60)  # doctest: +ELLIPSIS
Traceback (most recent call last):
    ...
purifax.data.images.DataError: a.npz needs 1.2e+09 GB of memory, of which ...
"""

import os
from pathlib import Path
from typing import Any

from purifax.data.images import DataError

__all__ = ["afford", "memory", "unpacks"]

RATIO = 200
"""Largest size of unpacked content over that of its file: images compress far less."""

SMALL = 1 << 28
"""Bytes of unpacked content that are always allowed."""

LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def memory() -> int:
    """Bytes of memory that are free for this process, as far as the system says."""
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            free = int(line.split()[1]) << 10
    limits = [int(word) for path in LIMITS for word in _lines(path) if word.isdigit()]
    return min([free, *limits])


def afford(what: Any, size: int, advice: str = "") -> None:
    """Check that there is memory for something, before it is allocated.

    Args:
        what: the file, or the array in it, as the message names it.
        size: in bytes.
        advice: a sentence that says what else can be done.

    Raises:
        DataError: it is more than the memory at hand.
    """
    if size > (free := memory()):
        raise DataError(
            f"{what} needs {size / 1e9:.2g} GB of memory, of which {free / 1e9:.2g} GB "
            f"are free. {advice}".rstrip()
        )


def unpacks(what: Any, packed: int, unpacked: int) -> None:
    """Check that content does not unpack to far more than images would.

    Args:
        what: the file, as the message names it.
        packed: bytes in the file.
        unpacked: bytes that come out of it, or have come out so far.

    Raises:
        DataError: more than `RATIO` times as many, and more than `SMALL`.

    >>> unpacks("a.gz", 1 << 20, 1 << 31)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    purifax.data.images.DataError: a.gz unpacks from 1 MB to 2147 MB or more, ...
    """
    if unpacked > max(SMALL, RATIO * packed):
        raise DataError(
            f"{what} unpacks from {packed / 1e6:.2g} MB to {unpacked / 1e6:.0f} MB or "
            f"more, over {RATIO} times its size, as no images do; refused: unpack it, "
            "or store it uncompressed, if it is what you want."
        )


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
