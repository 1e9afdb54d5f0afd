"""Random access to a gzipped file, in bounded memory.

A gzipped file can only be unpacked from its start. Here the state of the unpacking is
saved every few megabytes on the first pass through the file, and later reads continue
from the nearest saved state. The checksum at the end of the file is verified when it is
passed.
"""

import bisect
import io
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from purifax.run.budget import unpacks

__all__ = ["Gzipped", "unpacked"]

MAGIC = b"\x1f\x8b"
APART = 8 << 20
"""Unpacked bytes between saved states; one takes about 50 kB, mostly zlib's window."""

CHUNK = 1 << 14
BLOCK = 1 << 16
FORM = 16 + zlib.MAX_WBITS
"""zlib's code for the gzip format, whose checksum it verifies."""


def unpacked(path: Path) -> BinaryIO:
    """A file opened for random access; its content is unpacked if it is gzipped.

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
    """A saved state: how far a file is unpacked, and what is needed to continue."""

    at: int
    packed: int
    pending: bytes
    unpack: Any


class Gzipped(io.RawIOBase):
    """The content of a gzipped file, which may consist of several gzip members.

    Reading raises `zlib.error` where the file is damaged or its checksum is wrong, and
    `EOFError` where it is truncated, and `DataError` where it unpacks to far more than
    images would. Seeking from the end unpacks all of it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file, self._path = path.open("rb", buffering=0), path
        self._packed = os.path.getsize(path)
        self._go_on(_Point(0, 0, b"", zlib.decompressobj(FORM)))
        self._points = [self._here()]

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
        super().close()

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def readinto(self, into: Any, /) -> int:
        """Fill part of a buffer; returns 0 at the end."""
        view = memoryview(into)
        content = self._more(min(len(view), BLOCK))
        view[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a position, or to the end if that comes first."""
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
        """The next bytes, at most `size`; none at the end."""
        content = b""
        while not content and self._fill():
            content = self._unpack.decompress(self._pending, size)
            self._pending = self._unpack.unconsumed_tail
            if self._unpack.eof:  # skip the padding after a member
                self._pending = self._unpack.unused_data.lstrip(b"\0")
        self._at += len(content)
        unpacks(self._path, self._packed, self._at)
        if self._at - self._points[-1].at >= APART:
            self._points.append(self._here())
        return content

    def _fill(self) -> bool:
        """Read more of the file if needed; False at its end."""
        while not self._pending:
            self._pending = self._file.read(CHUNK) or b""
            if not self._pending and self._unpack.eof:
                return False
            if not self._pending:
                raise EOFError("it is cut short")
            if self._unpack.eof:
                self._pending = self._pending.lstrip(b"\0")
        if self._unpack.eof:
            self._unpack = zlib.decompressobj(FORM)
        return True

    def _here(self) -> _Point:
        return _Point(self._at, self._file.tell(), self._pending, self._unpack.copy())

    def _go_on(self, point: _Point) -> None:
        self._at, self._pending = point.at, point.pending
        self._unpack = point.unpack.copy()
        self._file.seek(point.packed)
