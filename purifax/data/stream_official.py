"""The official archives of CIFAR and MNIST read image by image, packed or not.

Labels are in memory; pixels are read from a file of the unpacked folder, a gzipped
file, or a member of a gzipped tar. When an archive is opened it is read once, which
detects damage, and hashed, with the same hash as if it were decoded into memory.
"""

import hashlib
import io
import math
import tarfile
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from purifax.data import cifar, idx
from purifax.data.arrays import label_numbers
from purifax.data.examples import Example, Stream, Unreadable
from purifax.data.gzipped import unpacked
from purifax.data.images import DataError, Images
from purifax.data.official_files import Files
from purifax.data.pickled import placed
from purifax.data.sources import OF_FILES, OFFICIAL, Finders

__all__ = ["FINDERS", "find_cifar", "find_idx"]

CIFAR = (32, 32, 3)
HEADER = 4 + 4 * 255
"""Bytes of the longest header of an IDX file."""

DAMAGED = (tarfile.TarError, EOFError, OSError, zlib.error)
BLOCK = 256
"""Images hashed at once."""

_Opened = tuple[BinaryIO, str, int, int]
"""An open file, its name, and the start and length of a part of it."""


@dataclass(frozen=True)
class _Part:
    """Contiguous images in a file.

    Attributes:
        file: the open file.
        start: position of the first image.
        count: number of images.
        shape: (H, W, C) of an image.
        label_bytes: bytes of labels before the pixels of each image.
    """

    file: BinaryIO
    start: int
    count: int
    shape: tuple[int, int, int]
    label_bytes: int = 0

    def rows(self, first: int, count: int) -> np.ndarray:
        """The bytes of images, uint8 [count, label_bytes + H W C].

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
        """The pixels of rows, stored channel by channel, as [n, H, W, C]."""
        height, width, channels = self.shape
        planes = rows[:, self.label_bytes :].reshape(-1, channels, height, width)
        return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))


def find_cifar(
    root: Path, name: str, split: str, classes: Sequence[str]
) -> Stream | Images | None:
    """The set that `cifar.find` finds, as a stream.

    Batches whose pixels are not contiguous in their file, such as those that current
    NumPy pickles for Python 2, are decoded into memory.

    Raises:
        DataError: damaged or incomplete.
    """
    found = cifar.located(root, name)
    if found is None:
        return None
    form, place = found
    parts, labels = [], []
    with _named(place):
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
    """The set that `idx.find` finds, as a stream.

    Raises:
        DataError: damaged or incomplete.
    """
    found = idx.located(root, name, split)
    if found is None:
        return None
    path, labels = found
    with _named(path):
        file = unpacked(path)
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        shape, start = idx.header(path, file.read(HEADER), size)
        idx.check_images(path, shape)
        count, height, width = shape
        part = _Part(file, start, count, (height, width, 1))
        return _stream([part], [idx.parse(labels)], classes, str(path.parent))


def _one_by_one(find: Callable[..., Files | None]) -> Callable[..., Stream | None]:
    def found(*given: Any) -> Stream | None:
        files = find(*given)
        return None if files is None else files.stream()

    return found


FINDERS: Finders[Stream | Images] = {
    **OFFICIAL,
    **{name: _one_by_one(find) for name, find in OF_FILES.items()},
    "cifar10": find_cifar,
    "cifar100": find_cifar,
    "mnist": find_idx,
    "fashion_mnist": find_idx,
}
"""By the name of a set, the function that opens its archive or decodes it."""


@contextmanager
def _named(place: Path) -> Iterator[None]:
    """Raise errors of a damaged file as `DataError`s that name it."""
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
    """The positions of the files in an archive, which is read through once."""
    file = unpacked(archive)
    file.seek(0, io.SEEK_END)  # verifies its checksum, and makes later reads fast
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
    """The parts as one stream; without `labels`, they are among the pixels."""
    digest, read = _hashed(parts)
    column = label_numbers(source, np.concatenate(labels or read))
    ends = list(accumulate(part.count for part in parts))
    index, shape = np.arange(ends[-1], dtype=np.int64), parts[0].shape
    empty = np.broadcast_to(np.zeros((), np.uint8), (ends[-1], *shape))
    rest = Images(empty, column, index, tuple(classes), source)  # checks the labels
    for numbers in (rest.labels, rest.index):
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
            yield Example(n, image, int(rest.labels[n]), n)

    return Stream(ends[-1], shape, rest.names, source, digest.hexdigest(), rows)


def _hashed(parts: list[_Part]) -> tuple[Any, list[np.ndarray]]:
    """The hash of all pixels, as begun by `stream.from_images`; and their labels."""
    digest, labels = hashlib.sha256(), []
    for part in parts:
        for first in range(0, part.count, BLOCK):
            rows = part.rows(first, min(BLOCK, part.count - first))
            digest.update(part.images(rows).data)
            if part.label_bytes:
                labels.append(rows[:, part.label_bytes - 1].copy())
    return digest, labels
