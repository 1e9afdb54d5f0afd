"""Plain `.npz` files: images uint8 [N, H, W, C] or [N, H, W], labels integers [N].

Accepted names of the arrays, in any case: `images`, `image` or `x` with `labels`,
`label` or `y`; or for several splits in one file the same with the name of a split,
such as `x_train` or `train_images` (`purifax.data.roles` lists the names). Optional:
`index`, `test_index` or `val_index` (positions in the published split), `names`,
`classes` or `wnids`. Without labels, all are 0.

A folder holds a file for each split, such as `train.npz` and `test.npz`. A split may be
cut into parts `<name>_a.npz`, `<name>_b.npz`, ... (or 0, 1, 2, ... or 1, 2, ...), which
are joined in order.
"""

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from purifax.data import roles
from purifax.data.arrays import check_bytes, class_names, label_numbers, shape_of
from purifax.data.images import DataError, Images
from purifax.data.members import array, chosen, labels_in, load, names_in, splits_in
from purifax.data.split import part_of

__all__ = ["Described", "describe", "find", "holds_splits", "read"]


def find(root: Path, name: str, split: str, names: Sequence[str] = ()) -> Images | None:
    """The split of a named set from `<name>_<split>*.npz` or `<name>.npz`.

    Args:
        root: the folder searched; `root/<name>` is searched too.
        names: names of the classes, where known; else those in the file, else numbers.

    Returns:
        The split, or None where there is no such file.
    """
    for folder in (root, root / name):
        paths = _parts(folder, f"{name}_", split)
        if not paths and holds_splits(folder / f"{name}.npz"):
            paths = [folder / f"{name}.npz"]
        if paths:
            return _images(paths, split, tuple(names))
    return None


def read(path: Path, split: str) -> Images:
    """A split of a user's set: one `.npz`, or a folder with train and test.

    A file without splits is divided: a fifth, stratified and chosen by seed 0, is the
    test set. The split "all" is the whole of such a file.

    Raises:
        DataError: no such file or split, or arrays that are damaged, ambiguous or of
            another kind.
    """
    if path.is_dir():
        return _from_folder(path, split)
    if not path.is_file():
        raise DataError(
            f"{path} does not exist; give an .npz file or a folder of them."
        )
    if holds_splits(path):
        return _images([path], split)
    return part_of(_images([path], split), split)


def _from_folder(folder: Path, split: str) -> Images:
    others = (
        one for one in ("train", "validation", "test") if one != roles.role(split)
    )
    if paths := _parts(folder, "", split):
        beside = [path for other in others for path in _parts(folder, "", other, "")]
        return _images(paths, split, (), beside)
    if paths := _parts(folder, "", "all"):
        return part_of(_images(paths, "all"), split)
    raise DataError(f"{folder} holds no {split}.npz; save the images as that.")


def _parts(
    folder: Path, prefix: str, split: str, instead: str = "validation"
) -> list[Path]:
    """The files of one split in order; a whole file is preferred to parts.

    Args:
        instead: the split that is read where there is no test.
    """
    wanted = roles.role(split)
    if not wanted or not folder.is_dir():
        return []
    words = "|".join(roles.NAMES[wanted])
    form = re.compile(rf"{re.escape(prefix)}({words})(\d*)(?:_([a-z]|\d+))?\.npz", re.I)
    names, found = set(), {}
    for path in sorted(folder.iterdir()):
        if match := form.fullmatch(path.name):
            names.add(match[1])
            found[match[3] or ""] = path
    roles.named(names, folder)
    if not found and wanted == "test" and instead:
        return _parts(folder, prefix, instead)
    return [found[""]] if "" in found else _consecutive(folder, found)


def _consecutive(folder: Path, found: dict[str, Path]) -> list[Path]:
    """Parts in the order of their marks, which must be a, b, ... or 0, 1, ..."""
    marks = sorted(found, key=lambda mark: (not mark.isdigit(), len(mark), mark))
    if marks == list(string.ascii_lowercase[: len(marks)]):
        return [found[mark] for mark in marks]
    numbers = [int(mark) for mark in marks if mark.isdigit()]
    if len(numbers) == len(marks) and numbers[0] <= 1:
        if numbers == list(range(numbers[0], numbers[0] + len(marks))):
            return [found[mark] for mark in marks]
    if len(numbers) == len(marks) == 1:
        return [found[marks[0]]]
    present = ", ".join(found[mark].name for mark in marks)
    raise DataError(
        f"{folder} holds {present}, which are not the consecutive parts of one split "
        "(a, b, ... or 0, 1, ...); complete them or keep one."
    )


def _images(
    paths: list[Path],
    split: str,
    names: tuple[str, ...] = (),
    beside: Sequence[Path] = (),
) -> Images:
    """Parts joined in order; positions are counted where no part has an `index`.

    Args:
        names: of the classes; by default those stated, or numbers.
        beside: files of the set's other splits, whose labels count as well.
    """
    parts = [describe(path, split) for path in paths]
    shapes = {part.shape[1:] for part in parts}
    source = " + ".join(str(path) for path in paths)
    if len(shapes) > 1:
        raise DataError(f"{source} hold images of different shapes: {sorted(shapes)}.")
    stated = [part.index for part in parts if part.index is not None]
    if stated and len(stated) < len(parts):
        raise DataError(f"{source}: some parts state an `index` and some do not.")
    images = np.concatenate([load(p.path, p.images).reshape(p.shape) for p in parts])
    labels = np.concatenate([part.labels for part in parts])
    index = np.concatenate(stated) if stated else np.arange(len(images), dtype=np.int64)
    if not names:
        names = _agreed([*parts, *(describe(path, "all") for path in beside)])
    return Images(images, labels, index, names, source)


def holds_splits(path: Path) -> bool:
    """Whether a path is an .npz with arrays for the splits of a set."""
    return path.is_file() and bool(splits_in(names_in(path)))


@dataclass(frozen=True)
class Described:
    """What an .npz says of one split, without its pixels.

    Attributes:
        path: of the file.
        images: name of the array of images.
        shape: [N, H, W, C].
        labels: int32 [N].
        index: int64 [N], or None.
        names: of the classes; empty where none are stated.
        beside: labels of the other splits in the file.
    """

    path: Path
    images: str
    shape: tuple[int, ...]
    labels: np.ndarray
    index: np.ndarray | None
    names: tuple[str, ...]
    beside: np.ndarray

    def classes(self) -> tuple[str, ...]:
        """The names of the classes, or numbers.

        Raises:
            DataError: their number is unclear.
        """
        return _agreed([self])


def describe(path: Path, split: str) -> Described:
    """What an .npz says of one split.

    Raises:
        DataError: arrays are missing, ambiguous, damaged or of another kind.
    """
    arrays = names_in(path)
    names = chosen(path, arrays, split)
    images = array(path, names["images"])
    check_bytes(path, images.dtype)
    small = {key: load(path, names[key]) for key in names if key != "images"}
    labels = None
    if "labels" in small:
        labels = label_numbers(path, small["labels"])
    shape = shape_of(path, images.shape, None if labels is None else len(labels))
    others = [name for name in labels_in(arrays) if name != names.get("labels")]
    beside = [label_numbers(path, load(path, name)) for name in others]
    return Described(
        path,
        names["images"],
        shape,
        np.zeros(shape[0], np.int32) if labels is None else labels,
        _positions(path, small.get("index")),
        _stated(path, small.get("names")),
        np.concatenate([np.zeros(0, np.int32), *beside]),
    )


def _positions(path: Path, index: np.ndarray | None) -> np.ndarray | None:
    """The positions of the images, int64 [N]."""
    if index is None:
        return None
    if index.ndim != 1 or index.dtype.kind not in "iu":
        raise DataError(
            f"{path} holds `index` {index.dtype} {index.shape}; integers [N] are "
            "needed."
        )
    return index.astype(np.int64)


def _stated(path: Path, names: np.ndarray | None) -> tuple[str, ...]:
    """The names of the classes as text."""
    if names is None:
        return ()
    if names.ndim != 1 or names.dtype.kind not in "USiu":
        raise DataError(
            f"{path} holds names of classes {names.dtype} {names.shape}; text [K] is "
            "needed."
        )
    if names.dtype.kind == "S":
        names = np.char.decode(names, "utf-8", "backslashreplace")
    return tuple(str(name) for name in names)


def _agreed(parts: Sequence[Described]) -> tuple[str, ...]:
    """The names of the classes of all parts and splits of a set, or numbers."""
    stated = {part.names: part.path for part in parts if part.names}
    if len(stated) > 1:
        one, other = list(stated.values())[:2]
        raise DataError(f"{one} and {other} name different classes; make them agree.")
    labels = np.concatenate([n for part in parts for n in (part.labels, part.beside)])
    return next(iter(stated), ()) or class_names(parts[0].path, labels)
