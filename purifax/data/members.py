"""The arrays in an .npz: their names, and their headers before their values.

An .npz is a zip of arrays. The header of an array states its shape and dtype, and the
zip the size of what is stored; an array is read only if both agree and there is memory
for it.
"""

import math
import os
import zipfile
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from purifax.data import roles
from purifax.data.images import DataError
from purifax.run.budget import afford, unpacks

__all__ = [
    "DAMAGED",
    "Array",
    "array",
    "chosen",
    "labels_in",
    "load",
    "names_in",
    "splits_in",
]

DAMAGED = (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)
DAMAGED += (NotImplementedError, RuntimeError, SyntaxError)
"""Errors raised by arrays of a truncated or damaged file."""

WORDS = {
    "images": ("images", "image", "x"),
    "labels": ("labels", "label", "y", "targets", "target"),
}
PARTNERS = {"images": "labels", "image": "label", "x": "y"}
OPTIONAL = {
    "index": ("index", "test_index", "val_index"),
    "names": ("names", "classes", "wnids"),
}


@dataclass(frozen=True)
class Array:
    """An array in a file; `start` is the position of its first value in its member."""

    path: Path
    member: zipfile.ZipInfo
    dtype: np.dtype
    shape: tuple[int, ...]
    by_row: bool
    start: int


def names_in(path: Path) -> list[str]:
    """The names of the arrays in a file.

    Raises:
        DataError: it is not an .npz file.
    """
    if not path.is_file():
        raise DataError(f"{path} is no file; give an .npz file.")
    try:
        with zipfile.ZipFile(path) as stored:
            return [name.removesuffix(".npy") for name in stored.namelist()]
    except DAMAGED as error:
        with path.open("rb") as file:
            if file.read(6) == np.lib.format.MAGIC_PREFIX:
                raise DataError(
                    f"{path} is a single array; an .npz with images is needed."
                ) from error
        why = error if zipfile.is_zipfile(path) else "it is no zip archive"
        raise DataError(f"{path} is not a readable .npz file ({why}).") from error


def array(path: Path, name: str) -> Array:
    """The description of an array, from its header.

    Raises:
        DataError: it is damaged, of Python objects, of another size than it states, or
            unpacks to far more than images would.
    """
    try:
        with zipfile.ZipFile(path) as stored:
            inside = stored.namelist()
            member = stored.getinfo(f"{name}.npy" if f"{name}.npy" in inside else name)
            with stored.open(member) as file:
                version = np.lib.format.read_magic(file)
                header = {
                    (1, 0): np.lib.format.read_array_header_1_0,
                    (2, 0): np.lib.format.read_array_header_2_0,
                }[version]
                shape, fortran, dtype = header(file)
                start = file.tell()
    except DAMAGED as error:
        raise DataError(f"{path} is truncated or damaged ({error}).") from error
    if dtype.hasobject:
        raise DataError(
            f"{path} is truncated or damaged, or `{name}` holds Python objects, which "
            "are not read; store numbers or text."
        )
    size = math.prod(shape) * dtype.itemsize
    if start + size != member.file_size:
        raise DataError(
            f"{path} is truncated or damaged: `{name}` is {dtype} {shape} by its "
            f"header, {size} bytes, but {member.file_size - start} bytes are stored."
        )
    unpacks(f"`{name}` in {path}", os.path.getsize(path), member.file_size)
    return Array(path, member, dtype, shape, not fortran or len(shape) < 2, start)


def load(path: Path, name: str) -> np.ndarray:
    """An array, after a check that there is memory for it.

    Raises:
        DataError: as `array`; or there is not enough memory.
    """
    found = array(path, name)
    afford(f"`{name}` in {path}", found.member.file_size)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays[name]
    except DAMAGED as error:
        raise DataError(f"{path} is truncated or damaged ({error}).") from error


def splits_in(names: Collection[str]) -> set[str]:
    """The splits of which arrays hold images; empty where images have no split.

    >>> sorted(splits_in(["x_train", "Y_train", "test_images", "names"]))
    ['test', 'train']
    """
    return {split for split in _held(names, "images").values() if split}


def labels_in(names: Collection[str]) -> list[str]:
    """The names of all arrays of labels, whatever their split.

    >>> labels_in(["x_train", "y_train", "x_test", "y_test"])
    ['y_train', 'y_test']
    """
    return list(_held(names, "labels"))


def chosen(path: Path, names: Collection[str], split: str) -> dict[str, str]:
    """The names of the arrays that are images, labels, index and class names.

    Raises:
        DataError: there are no images, or several arrays that may be.

    >>> chosen(Path("a.npz"), ["y", "x", "z"], "train")
    {'images': 'x', 'labels': 'y'}
    """
    images = _held(names, "images")
    if not images:
        raise DataError(
            f"{path} holds {', '.join(sorted(names))}; "
            "arrays `images` and `labels` (or `x` and `y`) are needed."
        )
    present = {part for part in images.values() if part}
    wanted = roles.chosen(split, present) if present else None
    if present and wanted is None:
        raise DataError(
            f"{path} holds {', '.join(images)}, but nothing for the split '{split}'."
        )
    if present and None in images.values():
        raise _several(path, images)
    found = {"images": _one(path, _of(images, wanted))}
    labels = _of(_held(names, "labels"), wanted)
    partner = PARTNERS.get(found["images"].lower())
    labels = [one for one in labels if one.lower() == partner] or labels
    if labels:
        found["labels"] = _one(path, labels)
    for key, choices in OPTIONAL.items():
        known = [n for choice in choices for n in names if n.lower() == choice]
        if known:
            found[key] = known[0]
    return found


def _held(names: Iterable[str], kind: str) -> dict[str, str | None]:
    """Arrays of a kind, by name, with the split that the name speaks of."""
    found = {}
    for name in names:
        before, _, after = name.lower().rpartition("_")
        if name.lower() in WORDS[kind]:
            found[name] = None
        elif before in WORDS[kind] and (split := roles.role(after)):
            found[name] = split
        elif after in WORDS[kind] and (split := roles.role(before)):
            found[name] = split
    return found


def _of(held: dict[str, str | None], split: str | None) -> list[str]:
    return [name for name, own in held.items() if own == split]


def _one(path: Path, names: Collection[str]) -> str:
    """The only name.

    Raises:
        DataError: there are several.
    """
    if len(names) > 1:
        raise _several(path, names)
    return next(iter(names))


def _several(path: Path, names: Iterable[str]) -> DataError:
    return DataError(
        f"{path} holds {' and '.join(names)}, which may stand for one thing; keep the "
        "one that is meant."
    )
