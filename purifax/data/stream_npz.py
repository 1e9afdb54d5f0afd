"""An .npz read image by image, so that its arrays need not fit into memory.

An .npz is a zip file of arrays. An uncompressed array (`np.savez`) is read at the
position of an image; a compressed one (`np.savez_compressed`) is unpacked block by
block from its start up to the image, and continued from there. Labels and positions are
in memory.

When the file is opened, its images are read once to verify their checksum: a damaged
byte cannot be located, and images after it may unpack to noise.
"""

import hashlib
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from purifax.data import members, npz
from purifax.data.examples import Example, Stream, Unreadable
from purifax.data.images import DataError, Images
from purifax.data.members import DAMAGED, Array

__all__ = ["read"]

BLOCK = 1 << 20
LOCAL = 30
"""Bytes of the header of a member, which ends with the lengths of two more fields."""


def read(path: Path, split: str) -> Stream | None:
    """The split of an .npz, or all of one without splits.

    The digest is of the checksums of the arrays in the file. An image that becomes
    unreadable after the file was opened is an `Unreadable`.

    Returns:
        The stream, or None where the images are not contiguous (an array in Fortran
        order).

    Raises:
        DataError: arrays are missing, have wrong dtypes or lengths, or are damaged.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/a.npz", images=np.full((2, 4, 4), 9, np.uint8))
    ...     stream = read(Path(folder, "a.npz"), "all")
    ...     stream.shape, [row.image.max().item() for row in stream.read(range(2))]
    ((4, 4, 1), [9, 9])
    """
    found = npz.describe(path, split)
    array = members.array(path, found.images)
    counted = np.arange(found.shape[0], dtype=np.int64)
    index = counted if found.index is None else found.index
    classes = found.classes()
    empty = np.broadcast_to(np.zeros((), np.uint8), found.shape)
    rest = Images(empty, found.labels, index, classes, str(path))  # checks both
    if not array.by_row:
        return None
    _check(array)
    count, height, width, channels = found.shape
    pixels = _pixels(array, (height, width, channels))

    def rows(positions: range) -> Iterator[Example | Unreadable]:
        for n, image in zip(positions, pixels(positions), strict=True):
            if isinstance(image, str):
                yield Unreadable(n, f"{path}, image {n}", image)
            else:
                yield Example(n, image, int(rest.labels[n]), int(rest.index[n]))

    digest = hashlib.sha256(repr((split, _sums(path))).encode()).hexdigest()
    size = height, width, channels
    return Stream(count, size, classes, str(path), digest, rows)


def _check(array: Array) -> None:
    """Read an array once, which verifies its checksum at the end."""
    try:
        with zipfile.ZipFile(array.path) as archive:
            with archive.open(array.member) as file:
                while file.read(BLOCK):
                    pass
    except DAMAGED as error:
        raise DataError(
            f"{array.path} is damaged in {array.member.filename} ({error}): these are "
            "not the images that were saved, and which are wrong cannot be told; copy "
            "or save it again."
        ) from error


def _sums(path: Path) -> list[tuple[str, int, int]]:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    return sorted((one.filename, one.file_size, one.CRC) for one in members)


def _pixels(
    array: Array, shape: tuple[int, ...]
) -> Callable[[range], Iterator[np.ndarray | str]]:
    """A function of positions that yields images; for an unreadable one, the reason."""
    size = int(np.prod(shape))
    stored = array.member.compress_type == zipfile.ZIP_STORED
    give = (_stored if stored else _packed)(array, size)

    def images(positions: range) -> Iterator[np.ndarray | str]:
        for n in positions:
            try:
                content = give(n)
                if len(content) < size:
                    raise EOFError("it ends early")
            except DAMAGED as error:
                yield f"truncated or damaged ({error})"
                continue
            yield np.frombuffer(content, np.uint8).reshape(shape)

    return images


def _stored(array: Array, size: int) -> Callable[[int], bytes]:
    """A function of a position that returns its bytes in an uncompressed array."""
    with array.path.open("rb") as file:
        file.seek(array.member.header_offset)
        lengths = struct.unpack("<HH", file.read(LOCAL)[-4:])
    first = array.member.header_offset + LOCAL + sum(lengths) + array.start

    def give(position: int) -> bytes:
        with array.path.open("rb", buffering=0) as file:
            file.seek(first + position * size)
            return file.read(size)

    return give


def _packed(array: Array, size: int) -> Callable[[int], bytes]:
    """A function of a position that returns its bytes in a compressed array."""
    file = zipfile.ZipFile(array.path).open(array.member)

    def give(position: int) -> bytes:
        file.seek(array.start + position * size)
        return file.read(size)

    return give
