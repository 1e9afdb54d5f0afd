"""Labelled images read a few at a time, so that the whole need not fit into memory.

A `Stream` knows the number of its images and reads any range of positions. An
unreadable image does not end it: an `Unreadable` says where it is and why. Folders are
read file by file, an .npz and the official archives of CIFAR and MNIST image by image,
and prepared TFDS directories record by record (ArrayRecord) or shard by shard
(TFRecord). Sets that `load` decodes into memory, such as Tiny-ImageNet, are streams
too.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from purifax.data import (
    folder,
    npz,
    stream_npz,
    stream_official,
    stream_shards,
    stream_tfds,
)
from purifax.data.decode import picture
from purifax.data.examples import Example, Stream, Unreadable
from purifax.data.files import is_remote
from purifax.data.images import DataError, Images
from purifax.data.sources import located
from purifax.run import places

__all__ = ["from_folder", "from_images", "open_stream"]


def open_stream(
    source: str,
    split: str = "train",
    data_dir: str | os.PathLike[str] | None = None,
    channels: int | None = None,
    size: tuple[int, ...] | None = None,
) -> Stream:
    """A split of a source: the path of one's own images, or the name of a set.

    Args:
        source: a prepared TFDS directory, on a disk or in a store (`gs://`); a folder
            of images, with or without a folder per class; an .npz file; parquet files
            or WebDataset tars, one or a folder of them; or a name that `load` knows,
            such as "cifar10".
        split: as published. A folder or .npz without splits is read whole, for any
            split.
        data_dir: the directory in which a named set is searched first.
        channels: 1 or 3, for the files of a folder; by default those of its first
            image.
        size: (H, W), for the files of a folder; by default that of its first image.

    Raises:
        DataError: the source does not exist, or holds no images.

    >>> stream = open_stream("digits", "test")
    >>> stream.count, stream.shape, [row.label for row in stream.read(range(3))]
    (500, (8, 8, 1), [1, 2, 3])
    """
    if is_remote(source):
        return stream_tfds.read(source, split)
    path = places.expanded(source)
    if path.is_dir():
        if not stream_shards.is_saved(path) and stream_tfds.is_prepared(path):
            return stream_tfds.read(path, split)
        if stream_shards.holds(path):
            return stream_shards.read(path, split)
        return from_folder(path, split, channels, size)
    if path.is_file():
        if stream_shards.holds(path):
            return stream_shards.read(path, split)
        if path.suffix != ".npz":
            raise DataError(f"{path} is neither an .npz nor a folder of images.")
        split = split if npz.holds_splits(path) else "all"
        return stream_npz.read(path, split) or from_images(npz.read(path, split))
    opened = located(source, split, data_dir, stream_official.FINDERS)
    return opened if isinstance(opened, Stream) else from_images(opened)


def from_images(images: Images) -> Stream:
    """A stream of images in memory; `id` is their `index`.

    >>> pixels = np.zeros((2, 4, 4, 1), np.uint8)
    >>> two = Images(pixels, np.zeros(2, int), np.array([5, 7]), ("a",), "memory")
    >>> [row.id for row in from_images(two).read(range(2))]
    [5, 7]
    """
    digest = hashlib.sha256(np.ascontiguousarray(images.images).tobytes())
    for column in (images.labels, images.index):
        digest.update(np.asarray(column, "<i8").tobytes())

    def read(positions: range) -> Iterator[Example]:
        for n in positions:
            label, number = int(images.labels[n]), int(images.index[n])
            yield Example(n, images.images[n], label, number)

    _, height, width, channels = images.images.shape
    return Stream(
        len(images),
        (height, width, channels),
        images.names,
        images.source,
        digest.hexdigest(),
        read,
    )


def from_folder(
    place: Path,
    split: str = "train",
    channels: int | None = None,
    size: tuple[int, ...] | None = None,
) -> Stream:
    """A stream of image files, sorted by class and name; `id` counts them.

    Each example has the path of its file below the folder as `file`. The digest
    is of the names and sizes of the files, not of their content, which would all have
    to be read.

    Args:
        channels: 1 or 3; by default those of the first readable image.
        size: (H, W); by default that of the first readable image.

    Raises:
        DataError: there are no images, or none is readable.
    """
    files, labels, classes, source = folder.listed(place, split)
    names = [os.path.relpath(file, place) for file in files]
    digest = hashlib.sha256(repr((classes, labels)).encode())
    for file, name in zip(files, names, strict=True):
        digest.update(os.fsencode(f"{name}\0{_size(file)}\n"))
    height, width, own = _first(files, size)
    shape = (height, width, channels or own)

    def rows(positions: range) -> Iterator[Example | Unreadable]:
        for n in positions:
            try:
                image = picture(files[n], shape=shape)
            except DataError as error:
                yield Unreadable(n, files[n], str(error))
                continue
            yield Example(n, image, labels[n], n, {"file": os.fsencode(names[n])})

    stream = Stream(len(files), shape, classes, source, digest.hexdigest(), rows)
    return replace(stream, extras={"file": ((), "bytes")})


def _size(file: str) -> int:
    """The size of a file; -1 of one that is not there, such as a dangling link."""
    return os.path.getsize(file) if os.path.exists(file) else -1


def _first(files: Sequence[str], size: tuple[int, ...] | None) -> tuple[int, int, int]:
    """The shape of the first readable image of a size; without one, of the first."""
    for file in files:
        try:
            height, width, channels = picture(file, shape=size).shape
        except DataError:
            continue
        return height, width, channels
    if size:
        return _first(files, None)
    raise DataError(f"None of {len(files)} files can be read, such as {files[0]}.")
