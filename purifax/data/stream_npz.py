"""An .npz read image by image, where its arrays need not fit memory.

It is a zip of arrays. One that is stored (`np.savez`) is read where an image is; one
that is compressed (`np.savez_compressed`) is unpacked block by block, from its start up
to the image, and goes on from there. Labels and positions are in memory.

When it is opened its images are read once through, against the sum that the file keeps
of them: where a byte was changed cannot be told, and a later image may unpack to noise.
"""

import hashlib
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from purifax.data import npz
from purifax.data.examples import Example, Stream, Unreadable
from purifax.data.images import DataError, Images

__all__ = ["read"]

BLOCK = 1 << 20
LOCAL = 30
"""Bytes of a member's own header; the lengths of its name and of more end it."""


@dataclass(frozen=True)
class _Array:
    """An array in a file: where its first value is, from the start of its member."""

    path: Path
    member: zipfile.ZipInfo
    dtype: np.dtype
    shape: tuple[int, ...]
    by_row: bool
    start: int


def read(path: Path, split: str) -> Stream | None:
    """The split of an .npz, or all of one without splits.

    The digest is of the sums that the file itself keeps of each array. An image that
    cannot be read any more, once the file is open, is an `Unreadable`.

    Returns:
        None where the images do not lie one after another (they are in Fortran's
        order).

    Raises:
        DataError: no such arrays, or of other types or lengths; or they are not those
            that were saved.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/a.npz", images=np.full((2, 4, 4), 9, np.uint8))
    ...     stream = read(Path(folder, "a.npz"), "all")
    ...     stream.shape, [row.image.max().item() for row in stream.read(range(2))]
    ((4, 4, 1), [9, 9])
    """
    with npz.opened(path) as arrays:
        names = npz.chosen(path, arrays.files, split)
        found = _array(path, names.pop("images"))
        try:
            small = {key: arrays[name] for key, name in names.items()}
        except npz.DAMAGED as error:
            raise DataError(f"{path} is truncated or damaged ({error}).") from error
    shape = npz.nhwc(path, found.dtype, found.shape)
    labels = npz.integers(path, small.get("labels", np.zeros(shape[0], np.int32)))
    index = small.get("index", np.arange(shape[0])).astype(np.int64)
    classes = tuple(str(name) for name in small.get("names", npz.numbered(labels)))
    empty = np.broadcast_to(np.zeros((), np.uint8), shape)
    told = Images(empty, labels, index, classes, str(path))  # or it says what is wrong
    if not found.by_row:
        return None
    _check(found)
    pixels, (_, height, width, channels) = _pixels(found, shape[1:]), shape

    def rows(positions: range) -> Iterator[Example | Unreadable]:
        for n, image in zip(positions, pixels(positions), strict=True):
            if isinstance(image, str):
                yield Unreadable(n, f"{path}, image {n}", image)
            else:
                yield Example(n, image, int(told.labels[n]), int(told.index[n]))

    digest = hashlib.sha256(repr((split, _sums(path))).encode()).hexdigest()
    size = height, width, channels
    return Stream(shape[0], size, classes, str(path), digest, rows)


def _array(path: Path, name: str) -> _Array:
    """What the header of an array says."""
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo(f"{name}.npy")
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                header = {
                    (1, 0): np.lib.format.read_array_header_1_0,
                    (2, 0): np.lib.format.read_array_header_2_0,
                }[version]
                shape, fortran, dtype = header(file)
                return _Array(path, member, dtype, shape, not fortran, file.tell())
    except (KeyError, *npz.DAMAGED) as error:
        raise DataError(f"{path} is truncated or damaged ({error}).") from error


def _check(found: _Array) -> None:
    """Reads an array once through; its sum is checked at the end."""
    try:
        with zipfile.ZipFile(found.path) as archive:
            with archive.open(found.member) as file:
                while file.read(BLOCK):
                    pass
    except npz.DAMAGED as error:
        raise DataError(
            f"{found.path} is damaged in {found.member.filename} ({error}): these are "
            "not the images that were saved, and which are wrong cannot be told; copy "
            "or save it again."
        ) from error


def _sums(path: Path) -> list[tuple[str, int, int]]:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    return sorted((one.filename, one.file_size, one.CRC) for one in members)


def _pixels(
    found: _Array, shape: tuple[int, ...]
) -> Callable[[range], Iterator[np.ndarray | str]]:
    """Gives the images at some positions, or in words why there is none."""
    size = int(np.prod(shape))
    stored = found.member.compress_type == zipfile.ZIP_STORED
    give = (_stored if stored else _packed)(found, size)

    def images(positions: range) -> Iterator[np.ndarray | str]:
        for n in positions:
            try:
                content = give(n)
                if len(content) < size:
                    raise EOFError("it ends early")
            except npz.DAMAGED as error:
                yield f"truncated or damaged ({error})"
                continue
            yield np.frombuffer(content, np.uint8).reshape(shape)

    return images


def _stored(found: _Array, size: int) -> Callable[[int], bytes]:
    """The bytes of a position of an array that lies in the file as it is."""
    with found.path.open("rb") as file:
        file.seek(found.member.header_offset)
        lengths = struct.unpack("<HH", file.read(LOCAL)[-4:])
    first = found.member.header_offset + LOCAL + sum(lengths) + found.start

    def give(position: int) -> bytes:
        with found.path.open("rb", buffering=0) as file:
            file.seek(first + position * size)
            return file.read(size)

    return give


def _packed(found: _Array, size: int) -> Callable[[int], bytes]:
    """The bytes of a position of an array that is unpacked as far as is needed."""
    file = zipfile.ZipFile(found.path).open(found.member)

    def give(position: int) -> bytes:
        file.seek(found.start + position * size)
        return file.read(size)

    return give
