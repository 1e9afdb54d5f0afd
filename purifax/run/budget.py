"""The memory that a file of weights may ask for, checked before it is allocated.

A few bytes can promise gigabytes: compressed zeros, many views of one storage, a list
of a billion entries. Every reader takes what it is about to allocate from one budget,
which grows with the size of the file.
"""

import io
from typing import Any

__all__ = ["ROOM", "Bounded", "Budget", "Refused"]

ROOM = 2**26
"""Bytes that any file may take: 64 MiB."""

FACTOR = 8
"""Bytes for each byte of the file, beside `ROOM`. Plain arrays take 2 or 3: what was
stored, a copy that owns its memory, and twice that for bfloat16. Numbers in a pickle
that are no arrays take up to 8."""


class Refused(ValueError):
    """A file is well formed, and asks for something that no file of weights needs."""


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
        self.left = self._whole

    def take(self, count: int) -> None:
        """Take bytes, before they are allocated.

        Raises:
            Refused: there are not as many left.
        """
        if not 0 <= count <= self.left:
            raise Refused(
                f"it asks for more than {self._whole / 1e6:g} MB of memory, far more "
                f"than its {self._size:,} bytes; if you trust it, store its arrays "
                "again without compression."
            )
        self.left -= count


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
