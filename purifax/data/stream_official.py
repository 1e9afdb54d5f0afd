"""The official archives of CIFAR and MNIST read image by image, packed or not.

Labels are in memory, pixels stay where they are: in a file of the unpacked folder, in a
gzipped file, or in a member of a gzipped tar. When it is opened an archive is read once
through, which finds damage, and hashed, as if it had been decoded into memory.
"""

import hashlib
import io
import math
import tarfile
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from purifax.data import cifar, idx
from purifax.data.examples import Example, Stream, Unreadable
from purifax.data.gzipped import unpacked
from purifax.data.images import DataError, Images
from purifax.data.pickled import placed
from purifax.data.sources import OFFICIAL, Finders

__all__ = ["FINDERS", "find_cifar", "find_idx"]

CIFAR = (32, 32, 3)
HEADER = 4 + 4 * 255
"""Bytes of the longest header of an IDX file."""

DAMAGED = (tarfile.TarError, EOFError, OSError, zlib.error)
BLOCK = 256
"""Images that are hashed at once."""

_Opened = tuple[BinaryIO, str, int, int]
"""A file, what it is called, and where in it something begins and how long it is."""


@dataclass(frozen=True)
class _Part:
    """Images in a row: their file, where the first begins, and what is of an image."""

    file: BinaryIO
    start: int
    count: int
    shape: tuple[int, int, int]
    label_bytes: int = 0

    def rows(self, first: int, count: int) -> np.ndarray:
        """The bytes of some images, uint8 [count, label_bytes + H W C].

        Raises:
            EOFError: the file has become shorter.
        """
        width = self.label_bytes + math.prod(self.shape)
        self.file.seek(self.start + first * width)
        content = self.file.read(count * width)
        if len(content) < count * width:
            raise EOFError("it ends early")
        return np.frombuffer(content, np.uint8).reshape(count, width)

    def images(self, rows: np.ndarray) -> np.ndarray:
        """The pixels of rows, whose planes lie one after another: [n, H, W, C]."""
        height, width, channels = self.shape
        planes = rows[:, self.label_bytes :].reshape(-1, channels, height, width)
        return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))


def find_cifar(
    root: Path, name: str, split: str, classes: Sequence[str]
) -> Stream | Images | None:
    """What `cifar.find` finds, as a stream.

    Batches whose pixels do not lie in their file as they are, such as those that
    today's numpy pickles for Python 2, are decoded into memory.

    Raises:
        DataError: damaged or incomplete.
    """
    found = cifar.located(root, name)
    if found is None:
        return None
    form, place = found
    parts, labels = [], []
    with _told(place):
        opened = (_files if place.is_dir() else _members)(place, form.files[split])
        for file, where, start, size in opened:
            if form.label_bytes:
                count = cifar.row_count(size, form.label_bytes, where)
                parts.append(_Part(file, start, count, CIFAR, form.label_bytes))
                continue
            batch = placed(file, start)
            if batch is None:
                for one in opened:
                    one[0].close()
                return cifar.find(root, name, split, classes)
            parts.append(_Part(file, batch[0], len(batch[1]), CIFAR))
            labels.append(batch[1])
        return _stream(parts, labels, classes, str(place))


def find_idx(
    root: Path, name: str, split: str, classes: Sequence[str]
) -> Stream | None:
    """What `idx.find` finds, as a stream.

    Raises:
        DataError: damaged or incomplete.
    """
    found = idx.located(root, name, split)
    if found is None:
        return None
    path, beside = found
    with _told(path):
        file = unpacked(path)
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        shape, start = idx.header(path, file.read(HEADER), size)
        idx.check_images(path, shape)
        count, height, width = shape
        part = _Part(file, start, count, (height, width, 1))
        return _stream([part], [idx.parse(beside)], classes, str(path.parent))


FINDERS: Finders[Stream | Images] = {
    **OFFICIAL,
    "cifar10": find_cifar,
    "cifar100": find_cifar,
    "mnist": find_idx,
    "fashion_mnist": find_idx,
}
"""By set, what finds its official archive and opens it, or decodes it into memory."""


@contextmanager
def _told(place: Path) -> Iterator[None]:
    """Says of which file it is that it is damaged."""
    try:
        yield
    except DAMAGED as error:
        raise DataError(
            f"{place} is truncated or damaged ({error}); fetch it again."
        ) from error


def _files(folder: Path, files: tuple[str, ...]) -> list[_Opened]:
    """The files of an unpacked folder."""
    opened = []
    for path in cifar.present(folder, files):
        file = unpacked(path)
        opened.append((file, str(path), 0, file.seek(0, io.SEEK_END)))
    return opened


def _members(archive: Path, files: tuple[str, ...]) -> list[_Opened]:
    """Where the files are in an archive, all of which is looked through."""
    file = unpacked(archive)
    file.seek(0, io.SEEK_END)  # to check its sum, and to be quick from here on
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r:") as tar:
        found = {Path(one.name).name: one for one in tar if one.isfile()}
    cifar.check_members(archive, files, found)
    return [
        (file, f"{archive}/{name}", found[name].offset_data, found[name].size)
        for name in files
    ]


def _stream(
    parts: list[_Part], labels: list[np.ndarray], classes: Sequence[str], source: str
) -> Stream:
    """Parts one after another; labels that are none's are among the pixels."""
    digest, read = _hashed(parts)
    column = np.concatenate(labels or read).astype(np.int32)
    ends = list(accumulate(part.count for part in parts))
    index, shape = np.arange(ends[-1], dtype=np.int64), parts[0].shape
    empty = np.broadcast_to(np.zeros((), np.uint8), (ends[-1], *shape))
    told = Images(empty, column, index, tuple(classes), source)
    for numbers in (told.labels, told.index):
        digest.update(np.asarray(numbers, "<i8").tobytes())

    def rows(positions: range) -> Iterator[Example | Unreadable]:
        for n in positions:
            part = bisect_right(ends, n)
            first = n - ends[part] + parts[part].count
            try:
                image = parts[part].images(parts[part].rows(first, 1))[0]
            except DAMAGED as error:
                where = f"{source}, image {n}"
                yield Unreadable(n, where, f"truncated or damaged ({error})")
                continue
            yield Example(n, image, int(told.labels[n]), n)

    return Stream(ends[-1], shape, told.names, source, digest.hexdigest(), rows)


def _hashed(parts: list[_Part]) -> tuple[Any, list[np.ndarray]]:
    """A hash of all pixels, as `stream.from_images` begins it; and labels beside."""
    digest, labels = hashlib.sha256(), []
    for part in parts:
        for first in range(0, part.count, BLOCK):
            rows = part.rows(first, min(BLOCK, part.count - first))
            digest.update(part.images(rows).data)
            if part.label_bytes:
                labels.append(rows[:, part.label_bytes - 1].copy())
    return digest, labels
