"""The images of a file, a folder or an .npz, and where their purified ones are written.

Files are found by `purifax.data.listing` and read by `purifax.data.decode`, as in a
data set; a file that is refused is left out and named, and the others are not affected.
"""

import math
import pathlib
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from purifax.data import listing, members
from purifax.data.arrays import shape_of
from purifax.data.budget import afford
from purifax.data.decode import SUFFIXES, picture
from purifax.data.files import whole
from purifax.data.images import DataError

__all__ = ["Source", "read"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Source:
    """Images to purify, and how to write the purified ones.

    Attributes:
        images: uint8 [N, H, W, C].
        index: int64 [N], their places among all files, which decide their noise.
        targets: names of what is written.
        write: writes purified images into a folder.
        left_out: the name of each file that is refused, and why.
        words: the origin of the images.
    """

    images: np.ndarray
    index: np.ndarray
    targets: tuple[str, ...]
    write: Callable[[pathlib.Path, np.ndarray], None]
    left_out: tuple[tuple[str, str], ...] = ()
    words: str = ""


def read(
    source: pathlib.Path, shape: Shape | None, check: Callable[[Shape], None]
) -> Source:
    """The images of a file, a folder or an .npz.

    Args:
        shape: (H, W, C) that is needed; by default that of the first image.
        check: raises for a shape that is not needed.

    Raises:
        ValueError: there is no image that can be purified.
        FileNotFoundError: no such source.
    """
    if source.is_dir():
        found = listing.below(source)
        if not found.files:
            raise DataError(
                f"{found.words()} holds no image; known endings: "
                f"{', '.join(sorted(SUFFIXES))}."
            )
        return _files(source, found.files, found.words(), shape, check)
    if not source.is_file():
        what = "regular file" if source.exists() else "file or folder"
        raise FileNotFoundError(f"there is no {what} {source}.")
    if source.suffix.lower() == ".npz":
        return _archive(source, shape, check)
    return _files(source.parent, [source], str(source), shape, check)


def _files(
    root: pathlib.Path,
    paths: Sequence[pathlib.Path],
    words: str,
    shape: Shape | None,
    check: Callable[[Shape], None],
) -> Source:
    """Image files, written as .png under the same names, folders kept."""
    size = shape or _first(paths)
    afford(words, len(paths) * math.prod(size))
    images = np.empty((len(paths), *size), np.uint8)
    left_out: dict[int, tuple[str, str]] = {}
    for place, path in enumerate(paths):
        try:
            images[place] = picture(str(path), shape=size)
        except DataError as error:
            left_out[place] = str(path), str(error)
    index = np.array([n for n in range(len(paths)) if n not in left_out], np.int64)
    if not len(index):
        check(_first(paths))
        raise DataError(left_out[0][1])
    names = [str(paths[n].relative_to(root).with_suffix(".png")) for n in index]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"two images would both be written as {twice[0]}.")

    def write(out: pathlib.Path, purified: np.ndarray) -> None:
        from PIL import Image

        for name, image in zip(names, purified, strict=True):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            grey = image.shape[-1] == 1
            with whole(out / name) as file:
                Image.fromarray(image[..., 0] if grey else image).save(file, "PNG")

    kept = images if len(index) == len(paths) else images[index]
    return Source(kept, index, tuple(names), write, tuple(left_out.values()), words)


def _first(paths: Sequence[pathlib.Path]) -> Shape:
    """The shape of the first image that can be read.

    Raises:
        DataError: none can; the message is about the first.
    """
    reason = None
    for path in paths:
        try:
            return picture(str(path)).shape
        except DataError as error:
            reason = reason or error
    raise reason or DataError("there is no image.")


def _archive(
    path: pathlib.Path, shape: Shape | None, check: Callable[[Shape], None]
) -> Source:
    """An .npz with uint8 `images`; its other arrays are written along."""
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

    return Source(images, np.arange(len(images)), (path.name,), write, (), str(path))


def _grey(shape: Shape) -> Shape | None:
    """(H, W) of grey images."""
    return shape[:2] if shape[2] == 1 else None
