"""A folder of image files: `<class>/.../<file>` with a folder per class, or files only.

The folder may hold folders of that form for its splits, such as `train` and `test`;
`purifax.data.roles` lists their names. Otherwise a fifth of the images, stratified and
chosen by seed 0, is the test set. Images may lie at any depth in the folder of their
class. Files are read in the order of class and file name; `index` is the position in
that order. `purifax.data.listing` says which files count, and `purifax.data.decode` how
they are read.

Images that have no class where others have one are not read, and are listed with the
source and by `inventory`: those beside folders of classes or splits, and splits without
classes, such as published test images whose labels are secret. A split with Tiny-
ImageNet's `val_annotations.txt` is sorted by it.

What could be read in two ways is refused: class folders beside split folders, a folder
without an image among the classes, splits below the classes, one folder that holds all
others, and test classes that the training images lack.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from purifax.data import roles
from purifax.data.decode import decode
from purifax.data.folder_layout import NO_CLASS, Found, understood
from purifax.data.images import DataError, Images
from purifax.data.split import part_of

__all__ = ["Inventory", "Listed", "inventory", "listed", "read"]

UNLABELLED = ("unlabelled",)


class Listed(NamedTuple):
    """The files of a split, their labels, the class names, and the source in words."""

    files: list[str]
    labels: list[int]
    names: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Inventory:
    """Every image below a folder: where it is read, or why it is not.

    Attributes:
        counts: by split and class, the number of images; the split "all" where the
            folder is not divided, the class "" where there are none.
        unread: images that belong to no split, and why.
        skipped: by kind, how many other files there are.
    """

    counts: Mapping[str, Mapping[str, int]]
    unread: tuple[tuple[str, str], ...]
    skipped: Mapping[str, int]

    def words(self) -> str:
        """The counts in lines, and each image that is not read."""
        lines = [
            f"{split}: {sum(classes.values())} images in {len(classes)} class(es)"
            for split, classes in self.counts.items()
        ]
        lines += [f"not read: {name}: it is {why}" for name, why in self.unread]
        lines += [f"left aside: {count} {kind}" for kind, count in self.skipped.items()]
        return "\n".join(lines)


def inventory(folder: Path) -> Inventory:
    """Every image below a folder, counted.

    Raises:
        DataError: there is no such folder, or what it holds is ambiguous.
    """
    found = understood(folder)
    counts = {
        split: {name: len(files) for name, files in sorted(part.files.items())}
        for split, part in found.parts.items()
    }
    unread = tuple((str(path), why) for path, why in found.unread)
    return Inventory(counts, unread, found.listing.skipped)


def read(folder: Path, split: str) -> Images:
    """A split of a folder ("train", "validation", "test"), or "all" if it has none.

    Files directly in the folder have the label 0 of a class "unlabelled". All files
    must have one size; the images are grey only if every file is.

    Raises:
        DataError: no such folder or split, an ambiguous one, or files that are refused.
    """
    found = understood(folder)
    if split == "validation" and not found.divided:
        raise DataError(
            f"{folder} is not divided into splits; make a validation set from the "
            "labels of 'train' by purifax.data.splits."
        )
    images = _images(_split(found, split))
    return images if found.divided else part_of(images, split)


def listed(folder: Path, split: str) -> Listed:
    """The files of a split, their labels and the names of the classes.

    A folder without split folders is listed whole.

    Raises:
        DataError: no such folder or split, or an ambiguous one.
    """
    return _split(understood(folder), split)


def _split(found: Found, split: str) -> Listed:
    """The files of a split, labelled by the position of the class among all classes."""
    name = roles.chosen(split, found.parts) if found.divided else "all"
    if name is None:
        present = " and ".join(sorted(p.place.name for p in found.parts.values()))
        bare = [file for file, why in found.unread if why == NO_CLASS]
        more = f"{bare[0]} stands without folders of classes; " if bare else ""
        raise DataError(
            f"{found.listing.root} has {present} but nothing for the split '{split}'; "
            f"{more}add a folder of that name or ask for another split."
        )
    part = found.parts[name]
    names = sorted({name for part in found.parts.values() for name in part.files})
    rows = [
        (file, n) for n, key in enumerate(names) for file in part.files.get(key, ())
    ]
    classes = UNLABELLED if part.flat else tuple(names)
    files, labels = [str(file) for file, _ in rows], [label for _, label in rows]
    return Listed(files, labels, classes, found.words())


def _images(found: Listed) -> Images:
    images, grey = decode(found.files)
    return Images(
        images[..., :1].copy() if grey.all() else images,
        np.asarray(found.labels, np.int32),
        np.arange(len(found.files), dtype=np.int64),
        found.names,
        found.source,
    )
