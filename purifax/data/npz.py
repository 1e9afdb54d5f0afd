"""Plain `.npz` files: images uint8 [N, H, W, C] or [N, H, W], labels integers [N].

Accepted names of the arrays: `images, labels` or `image, label` or `x, y`, or for both
splits in one file `x_train, y_train, x_test, y_test`. Optional: `index`, `test_index`
or `val_index` (positions in the published split), `names`, `classes` or `wnids`.
Without labels, all are 0. A split may be cut into parts `<name>_a.npz`,
`<name>_b.npz`, ... (or 0, 1, 2, ... or 1, 2, ...), which are joined in order.
"""

import re
import string
import zipfile
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from purifax.data.images import DataError, Images
from purifax.data.split import hold_out

__all__ = [
    "DAMAGED",
    "chosen",
    "find",
    "holds_splits",
    "integers",
    "nhwc",
    "numbered",
    "opened",
    "read",
]

DAMAGED = (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error)
"""Errors raised by arrays of a truncated or damaged file."""

PAIRS = (("images", "labels"), ("image", "label"), ("x", "y"))
OPTIONAL = {
    "index": ("index", "test_index", "val_index"),
    "names": ("names", "classes", "wnids"),
}
WORDS = {"train": "train|training", "test": "test|val|validation"}


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
            return _images(paths, split, names)
    return None


def read(path: Path, split: str) -> Images:
    """A split of a user's set: one `.npz`, or a folder with train and test.

    A file without splits is divided: a fifth, stratified and chosen by seed 0, is the
    test set. The split "all" is the whole of such a file.
    """
    if path.is_dir():
        paths = _parts(path, "", split)
        if not paths:
            raise DataError(f"{path} holds no {split}.npz; save the images as that.")
        return _images(paths, split)
    if not path.is_file():
        raise DataError(
            f"{path} does not exist; give an .npz file or a folder of them."
        )
    if holds_splits(path):
        return _images([path], split)
    images = _images([path], split)
    if split == "all":
        return images
    train, test = hold_out(images.labels, round(len(images) / 5))
    return images.take(np.sort({"train": train, "test": test}[split]))


def _parts(folder: Path, prefix: str, split: str) -> list[Path]:
    """The files of one split in order; a whole file is preferred to parts."""
    if split not in WORDS or not folder.is_dir():
        return []
    form = re.compile(
        rf"{re.escape(prefix)}(?:{WORDS[split]})\d*(?:_([a-z]|\d+))?\.npz"
    )
    found = {}
    for path in sorted(folder.glob("*.npz")):
        if match := form.fullmatch(path.name):
            found[match.group(1) or ""] = path
    if not found:
        return []
    if "" in found:
        return [found[""]]
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


def _images(paths: list[Path], split: str, names: Sequence[str] = ()) -> Images:
    """Parts joined in order; positions are counted where no part has an `index`."""
    parts = [_read(path, split) for path in paths]
    shapes = {part["images"].shape[1:] for part in parts}
    source = " + ".join(str(path) for path in paths)
    if len(shapes) > 1:
        raise DataError(f"{source} hold images of different shapes: {sorted(shapes)}.")
    images, labels = (
        np.concatenate([part[key] for part in parts]) for key in ("images", "labels")
    )
    stated = [part["index"] for part in parts if "index" in part]
    if stated and len(stated) < len(parts):
        raise DataError(f"{source}: some parts state an `index` and some do not.")
    index = np.concatenate(stated) if stated else np.arange(len(images))
    names = (
        tuple(names)
        or tuple(str(name) for name in parts[0].get("names", ()))
        or numbered(labels)
    )
    return Images(images, labels, index.astype(np.int64), names, source)


def numbered(labels: np.ndarray) -> tuple[str, ...]:
    """Names of classes without names: their numbers.

    >>> numbered(np.array([2, 0]))
    ('0', '1', '2')
    """
    return tuple(str(label) for label in range(labels.max(initial=0) + 1))


def holds_splits(path: Path) -> bool:
    """Whether a path is an .npz with arrays for both train and test."""
    if not path.is_file():
        return False
    with opened(path) as arrays:
        return "x_train" in arrays


def opened(path: Path) -> np.lib.npyio.NpzFile:
    """The arrays of a file, opened without reading them.

    Raises:
        DataError: it is not an .npz file.
    """
    try:
        arrays = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        why = error if zipfile.is_zipfile(path) else "it is no zip archive"
        raise DataError(f"{path} is not a readable .npz file ({why}).") from error
    if not isinstance(arrays, np.lib.npyio.NpzFile):
        raise DataError(f"{path} is a single array; an .npz with images is needed.")
    return arrays


def chosen(path: Path, arrays: Collection[str], split: str) -> dict[str, str]:
    """The names of the arrays that are images, labels, index and class names.

    Raises:
        DataError: there are no images.

    >>> chosen(Path("a.npz"), ["y", "x", "z"], "train")
    {'images': 'x', 'labels': 'y'}
    """
    pairs = (*PAIRS, (f"x_{split}", f"y_{split}"))
    pair = next((pair for pair in pairs if pair[0] in arrays), None)
    if pair is None:
        raise DataError(
            f"{path} holds {', '.join(sorted(arrays))}; "
            "arrays `images` and `labels` (or `x` and `y`) are needed."
        )
    wanted = {"images": pair[:1], "labels": pair[1:], **OPTIONAL}
    return {
        key: choice
        for key, choices in wanted.items()
        for choice in choices
        if choice in arrays
    }


def _read(path: Path, split: str) -> dict[str, np.ndarray]:
    """Checked arrays of one file under the names images, labels, index, names."""
    with opened(path) as arrays:
        names = chosen(path, arrays, split)
        try:
            part = {key: arrays[name] for key, name in names.items()}
        except DAMAGED as error:
            raise DataError(f"{path} is truncated or damaged ({error}).") from error
    images = part["images"]
    part["images"] = images.reshape(nhwc(path, images.dtype, images.shape))
    unlabelled = np.zeros(len(images), np.int32)
    part["labels"] = integers(path, part.get("labels", unlabelled))
    return part


def nhwc(path: Path, dtype: np.dtype, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape [N, H, W, C] of an array of images.

    Raises:
        DataError: a wrong dtype or shape.

    >>> nhwc(Path("a.npz"), np.dtype(np.uint8), (5, 8, 8))
    (5, 8, 8, 1)
    """
    if len(shape) == 3:
        shape = (*shape, 1)
    if dtype != np.uint8:
        raise DataError(
            f"{path} holds {dtype} images; store uint8 from 0 to 255, "
            "for example (255 * x).round().astype('uint8')."
        )
    if len(shape) != 4 or shape[-1] not in (1, 3, 4):
        raise DataError(
            f"{path} holds images of shape {shape}; channels come last, "
            "[N, H, W, C] with C = 1 or 3, for example x.transpose(0, 2, 3, 1)."
        )
    return shape


def integers(path: Path, labels: np.ndarray) -> np.ndarray:
    """Labels int32 [N] from integers [N] or [N, 1].

    Raises:
        DataError: a wrong dtype or shape.

    >>> integers(Path("a.npz"), np.array([[3], [1]])).tolist()
    [3, 1]
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            f"{path} holds labels {labels.dtype} {labels.shape}; integers [N] are "
            "needed, for example y.argmax(-1) of one-hot rows."
        )
    return labels.astype(np.int32)
