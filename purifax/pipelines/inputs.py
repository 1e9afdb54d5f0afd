"""The images of an .npz, and how their purified ones are written."""

import math
import pathlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from purifax.data import members
from purifax.data.arrays import shape_of
from purifax.data.files import whole
from purifax.data.images import DataError

__all__ = ["Source", "read"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Source:
    """Images to purify, and how to write the purified ones.

    Attributes:
        images: uint8 [N, H, W, C].
        write: writes purified images into a folder.
    """

    images: np.ndarray
    write: Callable[[pathlib.Path, np.ndarray], None]


def read(
    path: pathlib.Path, shape: Shape | None, check: Callable[[Shape], None]
) -> Source:
    """An .npz with uint8 `images`; its other arrays are written along.

    Args:
        shape: (H, W, C) that is needed; None for any.
        check: raises for a shape that is not needed.

    Raises:
        ValueError: there is no image that can be purified.
    """
    names = members.names_in(path)
    if members.splits_in(names):
        raise DataError(
            f"{path} holds images of several splits; purify one at a time by "
            "--to=dataset --split=train."
        )
    held = [name for name in names if name.lower() in members.WORDS["images"]]
    if not held:
        raise DataError(
            f"{path} has {', '.join(names) or 'no array'}; one of "
            f"{', '.join(members.WORDS['images'])} is needed."
        )
    chosen = members.chosen(path, names, "all")
    field = chosen["images"]
    described = members.array(path, field)
    if described.dtype != np.uint8 or not math.prod(described.shape):
        raise DataError(
            f"{field} in {path} is {described.dtype} {described.shape}; uint8 "
            "[N, H, W, C] with N > 0 is needed."
        )
    arrays = {name: members.load(path, name) for name in names}
    images = arrays[field]
    if shape and images.ndim > 2 and images.shape[1:] in (shape, _grey(shape)):
        images = images.reshape(-1, *shape)
    else:
        labels = arrays.get(chosen.get("labels", ""))
        count = len(labels) if labels is not None and labels.ndim else None
        images = images.reshape(shape_of(path, images.shape, count))
    check(images.shape[1:])

    def write(out: pathlib.Path, purified: np.ndarray) -> None:
        with whole(out / path.name) as file, zipfile.ZipFile(file, "w") as stored:
            for name, array in arrays.items():
                new = purified.reshape(array.shape) if name == field else array
                with stored.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, new, allow_pickle=False)

    return Source(images, write)


def _grey(shape: Shape) -> Shape | None:
    """(H, W) of grey images."""
    return shape[:2] if shape[2] == 1 else None
