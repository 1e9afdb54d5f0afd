"""A folder of image files: `<class>/<file>` with a folder per class, or files only.

The folder may hold `train` and `test` (or `val`) folders of that form. Otherwise a
fifth of the images, stratified and chosen by seed 0, is the test set. Files are read in
the order of class and file name; `index` is the position in that order.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from purifax.data.decode import decode
from purifax.data.images import DataError, Images
from purifax.data.split import hold_out

__all__ = ["listed", "read"]

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm"}
SUFFIXES |= {".pgm"}
SPLIT_FOLDERS = {
    "train": ("train", "training"),
    "test": ("test", "val", "validation"),
}


def read(folder: Path, split: str) -> Images:
    """A split ("train" or "test") of a folder, or "all" of a folder without splits.

    Files directly in the folder have the label 0 of a class "unlabelled". All files
    must have one size; the images are grey only if every file is.
    """
    images = _images(*listed(folder, split), str(folder))
    if split == "all" or _has_splits(folder):
        return images
    train, test = hold_out(images.labels, round(len(images) / 5))
    return images.take(np.sort({"train": train, "test": test}[split]))


def listed(folder: Path, split: str) -> tuple[list[str], list[int], tuple[str, ...]]:
    """The files of a split, their labels and the names of the classes.

    A folder without split folders is listed whole.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder of images.")
    if not _has_splits(folder):
        return _listed(folder, [sub.name for sub in _folders(folder)])
    own = _splits(folder)
    if split not in own:
        present = " and ".join(sorted(path.name for path in own.values()))
        raise DataError(
            f"{folder} has {present} but nothing for the split '{split}'; "
            "add a folder of that name or ask for another split."
        )
    classes = {sub.name for path in own.values() for sub in _folders(path)}
    return _listed(own[split], sorted(classes))


def _splits(folder: Path) -> dict[str, Path]:
    """The split folders of a folder, by split."""
    parts = {key: _first(folder, names) for key, names in SPLIT_FOLDERS.items()}
    return {key: path for key, path in parts.items() if path}


def _has_splits(folder: Path) -> bool:
    """Whether a folder holds split folders and no other folders."""
    own = set(_splits(folder).values())
    return bool(own) and set(_folders(folder)) <= own


def _first(folder: Path, names: Sequence[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _folders(folder: Path) -> list[Path]:
    subs = (path for path in folder.iterdir() if path.is_dir())
    return sorted(path for path in subs if not path.name.startswith("."))


def _files(folder: Path) -> list[str]:
    files = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    return sorted(str(path) for path in files if not path.name.startswith("."))


def _listed(
    folder: Path, classes: Sequence[str]
) -> tuple[list[str], list[int], tuple[str, ...]]:
    """All files in one folder, labelled by the position of the class in `classes`."""
    loose = _files(folder)
    by_class = [
        _files(folder / name) if (folder / name).is_dir() else [] for name in classes
    ]
    if loose and any(by_class):
        raise DataError(
            f"{folder} has both images and folders of images; "
            f"put {Path(loose[0]).name} into the folder of its class."
        )
    files = [name for files in by_class for name in files] or loose
    if not files:
        raise DataError(
            f"{folder} holds no images ({', '.join(sorted(SUFFIXES))}), alone or in "
            "one folder per class."
        )
    labels = [label for label, part in enumerate(by_class) for _ in part]
    names = tuple(classes) if labels else ("unlabelled",)
    return files, labels or [0] * len(files), names


def _images(
    files: list[str], labels: list[int], names: tuple[str, ...], source: str
) -> Images:
    images, grey = decode(files, lambda name: Path(name).read_bytes())
    return Images(
        images[..., :1].copy() if grey.all() else images,
        np.asarray(labels, np.int32),
        np.arange(len(files), dtype=np.int64),
        names,
        source,
    )
