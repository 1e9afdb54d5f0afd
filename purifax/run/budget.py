"""The memory that a file may ask for, checked before it is allocated.

A few bytes can promise gigabytes: compressed zeros, many views of one storage, a list
of a billion entries, a header of another file. Every reader takes what it is about to
allocate from one budget, which grows with the size of the file and ends where the free
memory does. A false promise then costs one line instead of the machine's memory.

>>> afford("a.npz", 1 << 60)  # doctest: +ELLIPSIS
Traceback (most recent call last):
    ...
purifax.run.budget.Refused: a.npz needs 1.2e+09 GB of memory, of which ... free.
"""

import io
import os
import pathlib
from typing import Any

from purifax.run.errors import DataError

__all__ = ["ROOM", "Bounded", "Budget", "Refused", "afford", "memory", "unpacks"]

ROOM = 2**26
"""Bytes that any file may take: 64 MiB."""

FACTOR = 8
"""Bytes for each byte of the file, beside `ROOM`. Plain arrays take 2 or 3: what was
stored, a copy that owns its memory, and twice that for bfloat16. Numbers in a pickle
that are no arrays take up to 8."""

RATIO = 200
"""Largest size of unpacked content over that of its file: images compress far less."""

SMALL = 2**28
"""Bytes of unpacked content that are always allowed."""

LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class Refused(DataError):
    """A file is well formed, and asks for more than such a file needs."""


class Budget:
    """The bytes that are left to a file.

    Args:
        size: of the file, in bytes.
        room: bytes that it may take beside `FACTOR` times its size.

    >>> Budget(10, room=20).take(101)
    Traceback (most recent call last):
        ...
    purifax.run.budget.Refused: it asks for more than 0.0001 MB of memory, far \
more than its 10 bytes; if you trust it, store its arrays again without compression.
    """

    def __init__(self, size: int, room: int = ROOM) -> None:
        self._size, self._whole = size, room + FACTOR * size
        self._free = memory()
        self.left = min(self._whole, self._free)

    def take(self, count: int) -> None:
        """Take bytes, before they are allocated.

        Raises:
            Refused: there are not as many left.
        """
        if not 0 <= count <= self.left:
            if 0 <= count and self._free < self._whole:
                words = "it asks for more memory than the"
                raise Refused(f"{words} {self._free / 1e9:.2g} GB that are free.")
            raise Refused(
                f"it asks for more than {self._whole / 1e6:g} MB of memory, far more "
                f"than its {self._size:,} bytes; if you trust it, store its arrays "
                "again without compression."
            )
        self.left -= count


def memory() -> int:
    """Bytes of memory that are free for this process, as far as the system says."""
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            free = int(line.split()[1]) << 10
    limits = [int(word) for path in LIMITS for word in _lines(path) if word.isdigit()]
    return min([free, *limits])


def afford(what: Any, size: int, advice: str = "") -> None:
    """Check that there is memory for something whose size is certain.

    Args:
        what: the file, or the array in it, as the message names it.
        size: in bytes.
        advice: a sentence that says what else can be done.

    Raises:
        Refused: it is more than the memory at hand.
    """
    if size > (free := memory()):
        words = f"{what} needs {size / 1e9:.2g} GB of memory, of which"
        raise Refused(f"{words} {free / 1e9:.2g} GB are free. {advice}".rstrip())


def unpacks(what: Any, packed: int, unpacked: int) -> None:
    """Check that content does not unpack to far more than images would.

    Args:
        what: the file, as the message names it.
        packed: bytes in the file.
        unpacked: bytes that come out of it, or have come out so far.

    Raises:
        Refused: more than `RATIO` times as many, and more than `SMALL`.

    >>> unpacks("a.gz", 1 << 20, 1 << 31)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    purifax.run.budget.Refused: a.gz unpacks from 1 MB to 2147 MB or more, ...
    """
    if unpacked > max(SMALL, RATIO * packed):
        raise Refused(
            f"{what} unpacks from {packed / 1e6:.2g} MB to {unpacked / 1e6:.0f} MB or "
            f"more, over {RATIO} times its size, as no images do; refused: unpack it, "
            "or store it uncompressed, if it is what you want."
        )


class Bounded(io.BufferedReader):
    """A file whose `read` asks for no more memory than there are bytes left in it."""

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file; a promise of more bytes than there are allocates nothing."""
        if size is not None and size > 2**16:
            size = min(size, left(self))
        return super().read(size)


def left(file: Any) -> int:
    """The number of bytes from here to the end of a file.

    >>> left(io.BytesIO(b"four"))
    4
    """
    here = file.tell()
    end = file.seek(0, io.SEEK_END)
    file.seek(here)
    return end - here


def _lines(path: str) -> list[str]:
    try:
        return pathlib.Path(path).read_text().splitlines()
    except OSError:
        return []
