"""A folder of image files: `<class>/.../<file>` with a folder per class, or files only.

The folder may hold folders of that form for its splits, such as `train` and `test`;
`purifax.data.roles` lists their names. Otherwise a fifth of the images, stratified and
chosen by seed 0, is the test set. Images may lie at any depth in the folder of their
class. Files are read in the order of class and file name; `index` is the position in
that order. `purifax.data.listing` says which files count, and `purifax.data.decode` how
they are read.

What could be read in two ways is refused: class folders beside split folders, images
beside class folders, a folder without an image among the classes, splits below the
classes, one folder that holds all others, and test classes that the training images
lack.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from purifax.data import roles
from purifax.data.decode import SUFFIXES, decode
from purifax.data.images import DataError, Images
from purifax.data.listing import Listing, below
from purifax.data.split import part_of

__all__ = ["Listed", "listed", "read"]

UNLABELLED = ("unlabelled",)


class Listed(NamedTuple):
    """The files of a split, their labels, the class names, and the source in words."""

    files: list[str]
    labels: list[int]
    names: tuple[str, ...]
    source: str


def read(folder: Path, split: str) -> Images:
    """A split ("train" or "test") of a folder, or "all" of a folder without splits.

    Files directly in the folder have the label 0 of a class "unlabelled". All files
    must have one size; the images are grey only if every file is.

    Raises:
        DataError: no such folder or split, an ambiguous one, or files that are refused.
    """
    found = _understood(folder)
    images = _images(_split(found, split))
    return images if found.divided else part_of(images, split)


def listed(folder: Path, split: str) -> Listed:
    """The files of a split, their labels and the names of the classes.

    A folder without split folders is listed whole.

    Raises:
        DataError: no such folder or split, or an ambiguous one.
    """
    return _split(_understood(folder), split)


@dataclass(frozen=True)
class _Part:
    """A folder with one folder per class, or with files only.

    Attributes:
        files: by class; all under "" where there are no classes.
    """

    place: Path
    files: Mapping[str, Sequence[Path]]

    @property
    def flat(self) -> bool:
        return set(self.files) == {""}


@dataclass(frozen=True)
class _Found:
    """The parts of a folder by split; only "all" where it is not divided."""

    listing: Listing
    parts: Mapping[str, _Part]

    @property
    def divided(self) -> bool:
        return set(self.parts) != {"all"}


def _understood(folder: Path) -> _Found:
    """Which folders are splits and which are classes."""
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder of images.")
    found = below(folder)
    if not found.files:
        raise DataError(
            f"{found.words()} holds no images ({', '.join(sorted(SUFFIXES))}), alone "
            "or in one folder per class."
        )
    tops = _by_top(folder, found.files)
    splits = roles.named(filter(None, tops), folder)
    others = sorted(set(tops) - {"", *splits.values()})
    nested = [n for n in splits.values() if set(_by_top(folder / n, tops[n])) - {""}]
    if not splits or (others and list(splits) == ["train"] and not nested):
        parts = {"all": _part(folder, tops)}
    elif others:
        raise DataError(
            f"{folder} holds {_some(splits.values())}, a split by name, beside "
            f"{_some(others)}: put all folders of classes into one folder 'all', or "
            "take away what is no split."
        )
    elif "" in tops:
        raise _loose(folder, tops[""][0])
    else:
        parts = {
            split: _part(folder / name, _by_top(folder / name, tops[name]))
            for split, name in splits.items()
        }
    _check_classes(folder, parts)
    _check_empty(found.empty, parts)
    return _Found(found, parts)


def _by_top(folder: Path, files: Iterable[Path]) -> dict[str, list[Path]]:
    """Files by the first folder below `folder`; "" for those directly in it."""
    tops: dict[str, list[Path]] = {}
    depth = len(folder.parts)
    for file in files:
        parts = file.parts[depth:]
        tops.setdefault(parts[0] if len(parts) > 1 else "", []).append(file)
    return tops


def _part(folder: Path, tops: dict[str, list[Path]]) -> _Part:
    """The classes of one folder, each with the images at any depth in its folder."""
    if "" in tops and len(tops) > 1:
        raise _loose(folder, tops[""][0])
    for name in filter(None, tops):
        deeper = set(_by_top(folder / name, tops[name])) - {""}
        if len(tops) == 1 and deeper:
            raise DataError(
                f"{folder} holds the one folder {name}, which holds {_some(deeper)}; "
                f"if those are the classes or splits, give {folder / name}."
            )
        if len(roles.named(deeper, folder / name)) > 1:
            raise DataError(
                f"{folder / name} holds {_some(deeper)}: folders of splits stand above "
                "folders of classes, as in train/cat."
            )
    return _Part(folder, tops)


def _check_classes(folder: Path, parts: Mapping[str, _Part]) -> None:
    """Refuse splits whose classes cannot be those of one set."""
    flat = [part.place.name for part in parts.values() if part.flat]
    if flat and len(flat) < len(parts):
        raise DataError(
            f"{folder / flat[0]} holds images without folders of classes, which other "
            f"splits of {folder} have; sort them into such folders, or take it away."
        )
    if "train" not in parts:
        return
    for part in parts.values():
        if missing := sorted(set(part.files) - set(parts["train"].files)):
            raise DataError(
                f"{part.place} has the class {missing[0]}, which "
                f"{parts['train'].place} lacks; one class has one name in all splits."
            )


def _check_empty(empty: Iterable[Path], parts: Mapping[str, _Part]) -> None:
    """Refuse a folder without images where every folder is a class."""
    classes = {name for part in parts.values() for name in part.files}
    places = [part.place for part in parts.values() if not part.flat]
    for folder in empty:
        if folder.parent in places and folder.name not in classes:
            raise DataError(
                f"{folder} holds no images, so that it is unclear whether it is a "
                "class; take it away."
            )


def _split(found: _Found, split: str) -> Listed:
    """The files of a split, labelled by the position of the class among all classes."""
    name = roles.chosen(split, found.parts) if found.divided else "all"
    if name is None:
        present = " and ".join(sorted(p.place.name for p in found.parts.values()))
        raise DataError(
            f"{found.listing.root} has {present} but nothing for the split '{split}'; "
            "add a folder of that name or ask for another split."
        )
    part = found.parts[name]
    names = sorted({name for part in found.parts.values() for name in part.files})
    rows = [
        (file, n) for n, key in enumerate(names) for file in part.files.get(key, ())
    ]
    classes = UNLABELLED if part.flat else tuple(names)
    files, labels = [str(file) for file, _ in rows], [label for _, label in rows]
    return Listed(files, labels, classes, found.listing.words())


def _images(found: Listed) -> Images:
    images, grey = decode(found.files)
    return Images(
        images[..., :1].copy() if grey.all() else images,
        np.asarray(found.labels, np.int32),
        np.arange(len(found.files), dtype=np.int64),
        found.names,
        found.source,
    )


def _loose(folder: Path, file: Path) -> DataError:
    return DataError(
        f"{folder} has both images and folders of images; "
        f"put {file.name} into the folder of its class."
    )


def _some(names: Iterable[str]) -> str:
    listed = sorted(filter(None, names))
    return ", ".join(listed[:3]) + (", ..." if len(listed) > 3 else "")
