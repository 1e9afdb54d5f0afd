"""A gzipped file read at any place, in bounded memory.

What is gzipped can only be unpacked from its start. Here the unpacking is remembered
every few megabytes on its first way through the file, and goes on from the nearest
such point ever after. The sum at the end of the file is checked when it is passed.
"""

import bisect
import io
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["Gzipped", "unpacked"]

MAGIC = b"\x1f\x8b"
APART = 8 << 20
"""Unpacked bytes between two points; one is some 50 kB, mostly zlib's window."""

CHUNK = 1 << 14
BLOCK = 1 << 16
FORM = 16 + zlib.MAX_WBITS
"""zlib's word for gzip, whose sum it checks."""


def unpacked(path: Path) -> BinaryIO:
    """A file, opened to be read at any place; what is in it, if it is gzipped.

    >>> import gzip, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     size = Path(folder, "a").write_bytes(gzip.compress(b"hello"))
    ...     with unpacked(Path(folder, "a")) as file:
    ...         file.seek(1), file.read()
    (1, b'ello')
    """
    with path.open("rb") as file:
        packed = file.read(2) == MAGIC
    if packed:
        return io.BufferedReader(Gzipped(path), BLOCK)
    return path.open("rb")


@dataclass(frozen=True)
class _Point:
    """How far a file is unpacked, and all that is needed to go on from there."""

    at: int
    packed: int
    held: bytes
    unpack: Any


class Gzipped(io.RawIOBase):
    """What is in a gzipped file, or in several that follow one another in one.

    Reading raises `zlib.error` where the file is damaged or has another sum than it
    says, and `EOFError` where it is cut short. To seek from the end unpacks all of it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._go_on(_Point(0, 0, b"", zlib.decompressobj(FORM)))
        self._points = [self._here()]

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
        super().close()

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def readinto(self, into: Any, /) -> int:
        """Fills some of a buffer; 0 at the end."""
        view = memoryview(into)
        content = self._more(min(len(view), BLOCK))
        view[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Goes to a place, or to the end if that comes first."""
        if whence == os.SEEK_END:
            while self._more(BLOCK):
                pass
        if whence != os.SEEK_SET:
            offset += self._at
        points = [point.at for point in self._points]
        nearest = self._points[max(bisect.bisect(points, offset) - 1, 0)]
        if not nearest.at <= self._at <= offset:
            self._go_on(nearest)
        while self._at < offset and self._more(min(offset - self._at, BLOCK)):
            pass
        return self._at

    def _more(self, size: int) -> bytes:
        """The next bytes, some of so many; none at the end."""
        content = b""
        while not content and self._feed():
            content = self._unpack.decompress(self._held, size)
            self._held = self._unpack.unconsumed_tail
            if self._unpack.eof:  # what fills a file up is left out
                self._held = self._unpack.unused_data.lstrip(b"\0")
        self._at += len(content)
        if self._at - self._points[-1].at >= APART:
            self._points.append(self._here())
        return content

    def _feed(self) -> bool:
        """Sees that there is something to unpack; False at the end of the file."""
        while not self._held:
            self._held = self._file.read(CHUNK) or b""
            if not self._held and self._unpack.eof:
                return False
            if not self._held:
                raise EOFError("it is cut short")
            if self._unpack.eof:
                self._held = self._held.lstrip(b"\0")
        if self._unpack.eof:
            self._unpack = zlib.decompressobj(FORM)
        return True

    def _here(self) -> _Point:
        return _Point(self._at, self._file.tell(), self._held, self._unpack.copy())

    def _go_on(self, point: _Point) -> None:
        self._at, self._held = point.at, point.held
        self._unpack = point.unpack.copy()
        self._file.seek(point.packed)
