"""MNIST and Fashion-MNIST as published: IDX files, gzipped or not.

An IDX file consists of two zero bytes, a type byte (8 is uint8), the number of
dimensions, each dimension as a big-endian 32-bit integer, and the values.

Source: LeCun, Cortes and Burges, the MNIST database; Xiao et al., 2017, arXiv
1708.07747.
"""

import math
import os
import struct
import zlib
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path

import numpy as np

from purifax.data.gzipped import Gzipped
from purifax.data.images import DataError, Images
from purifax.run.budget import afford

__all__ = ["check_images", "find", "header", "located", "parse"]

STEMS = {"train": "train", "test": "t10k"}
FOLDERS = {
    "mnist": ("mnist", "MNIST", "MNIST/raw"),
    "fashion_mnist": (
        "fashion_mnist",
        "fashion-mnist",
        "fashion",
        "FashionMNIST",
        "FashionMNIST/raw",
    ),
}


def find(root: Path, name: str, split: str, classes: Sequence[str]) -> Images | None:
    """A split from the official files in `root` or its folder for that set, or None."""
    files = located(root, name, split)
    return None if files is None else _read(*files, classes)


def located(root: Path, name: str, split: str) -> tuple[Path, Path] | None:
    """The files of the images and of the labels of a split, or None.

    Both sets use the same file names, so files directly in `root` are taken for
    Fashion-MNIST only if its name (or the name of its parent, for a folder "raw")
    contains "fashion", and for MNIST only if it does not.
    """
    folders = [root / folder for folder in FOLDERS[name]]
    here = root.absolute()
    called = here.parent.name if here.name == "raw" else here.name
    if (name == "fashion_mnist") == ("fashion" in called.lower()):
        folders.insert(0, root)
    for folder in folders:
        images = _file(folder, STEMS[split], "images", 3)
        labels = _file(folder, STEMS[split], "labels", 1)
        if images and labels:
            return images, labels
        if images or labels:
            missing = "labels" if images else "images"
            raise DataError(
                f"{folder} lacks {STEMS[split]}-{missing}-idx{1 if images else 3}-ubyte"
                "(.gz), which belongs to the file beside it; fetch it too."
            )
    return None


def _file(folder: Path, stem: str, what: str, dimensions: int) -> Path | None:
    names = (f"{stem}-{what}{mark}idx{dimensions}-ubyte" for mark in "-.")
    paths = (folder / (name + end) for name in names for end in (".gz", ""))
    return next((path for path in paths if path.is_file()), None)


def _read(images: Path, labels: Path, classes: Sequence[str]) -> Images:
    pixels = parse(images)
    check_images(images, pixels.shape)
    return Images(
        pixels[..., None],
        parse(labels).astype(np.int32),
        np.arange(len(pixels), dtype=np.int64),
        tuple(classes),
        str(images.parent),
    )


def check_images(path: Path, shape: tuple[int, ...]) -> None:
    """Check that an array holds grey images.

    Raises:
        DataError: it has a wrong number of dimensions.
    """
    if len(shape) != 3:
        raise DataError(f"{path} holds {len(shape)} dimensions; images have 3.")


def parse(path: Path) -> np.ndarray:
    """The array of an IDX file of bytes: uint8, with the shape of its header."""
    afford(path, os.path.getsize(path))
    packed = path.suffix == ".gz"
    try:
        with BufferedReader(Gzipped(path)) if packed else path.open("rb") as file:
            content = file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} is truncated or damaged ({error}); fetch it again."
        ) from error
    shape, start = header(path, content, len(content))
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def header(path: Path, content: bytes, size: int) -> tuple[tuple[int, ...], int]:
    """The shape of an IDX file of bytes, and the position of its first value.

    Args:
        content: its first bytes, or all of them.
        size: number of bytes of the whole, unpacked.

    Raises:
        DataError: it is not an IDX file, or its number of values differs from its
        header.

    >>> header(Path("a"), bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 7]), 10)
    ((2,), 8)
    """
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise DataError(f"{path} is not an IDX file of bytes; fetch the official one.")
    start = 4 + 4 * content[3]
    if size < start:
        raise DataError(f"{path} is truncated within its header; fetch it again.")
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    if size - start != math.prod(shape):
        raise DataError(
            f"{path} holds {size - start} bytes of data where its header "
            f"{shape} needs {math.prod(shape)}; it is truncated: fetch it again."
        )
    return shape, start
