"""The photos of a folder: what is there, of which sizes, and what becomes of each.

Files are found by `purifax.data.listing`, and of each the head is read. What a network
takes decides how a photo is brought to it (a fit, see `purifax.purify.fitted`), and by
the size of its parts it joins a group, which is purified by one compiled program.
"""

import hashlib
import math
import os
import pathlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from purifax.data import listing
from purifax.data.decode import SUFFIXES, measured
from purifax.data.images import DataError, dimensions

__all__ = ["Album", "Group", "Photo", "groups", "look"]

PIXELS = 1 << 22
"""Pixels that are purified at once, at most, unless one part has more."""

Shape = tuple[int, ...]


class Photo(NamedTuple):
    """One file.

    Attributes:
        name: below the folder.
        place: among all files, which decides its noise.
        shape: (H, W, C), C = 1 where it is grey.
    """

    name: str
    place: int
    shape: Shape


@dataclass(frozen=True)
class Album:
    """The photos of a folder.

    Attributes:
        root: the folder.
        words: the folder, and what was left aside, in words.
        photos: those that are purified, in the order of their names.
        left_out: the name of each file that is refused, and why.
        files: all files, also those that are refused.
        digest: sha256 of their names and sizes.
    """

    root: pathlib.Path
    words: str
    photos: tuple[Photo, ...]
    left_out: tuple[tuple[str, str], ...]
    files: int
    digest: str


@dataclass(frozen=True)
class Group:
    """Photos whose parts have one shape.

    Attributes:
        shape: (h, w, C) of a part.
        photos: in the order of their names.
        parts: how many they have together.
    """

    shape: Shape
    photos: tuple[Photo, ...]
    parts: int

    def batch(self, most: int) -> int:
        """Parts in the compiled program of one device, of `most` that are asked for.

        It depends on all photos of the group, whether or not they are done.
        """
        room = max(1, PIXELS // math.prod(self.shape[:2]))
        return min(most, self.parts, room)


def look(
    source: pathlib.Path, taken: int | None, fit: Any, wanted: Shape | None
) -> Album:
    """The photos of a folder, or the one of a file.

    Args:
        taken: channels that the purifier takes, 1 or 3; None for any.
        fit: the recipe that brings photos to the purifier; None for none.
        wanted: (h, w, C) that the purifier takes; None for any.

    Raises:
        DataError: there is no image file.
        FileNotFoundError: no such source.
    """
    if source.is_dir():
        found = listing.below(source)
        root, files, words = source, found.files, found.words()
        if not files:
            raise DataError(
                f"{words} holds no image; known endings: {', '.join(sorted(SUFFIXES))}."
            )
    elif source.is_file():
        root, files, words = source.parent, (source,), str(source)
    else:
        what = "regular file" if source.exists() else "file or folder"
        raise FileNotFoundError(f"there is no {what} {source}.")
    photos, left_out, digest = [], [], hashlib.sha256()
    for place, path in enumerate(files):
        name = str(path.relative_to(root))
        size = path.stat().st_size if path.exists() else -1
        digest.update(os.fsencode(f"{name}\0{size}\n"))
        try:
            shape = measured(path)
            _check(path, shape, taken, fit, wanted)
        except DataError as error:
            left_out.append((str(path), str(error)))
            continue
        photos.append(Photo(name, place, shape))
    return Album(
        root, words, tuple(photos), tuple(left_out), len(files), digest.hexdigest()
    )


def _check(
    path: Any, shape: Shape, taken: int | None, fit: Any, wanted: Shape | None
) -> None:
    """Refuse a photo that cannot be brought to the purifier."""
    if taken is not None and shape[-1] > taken:
        raise DataError(f"{path} is in colour, and the network takes grey images.")
    found = _part(shape, taken, fit)
    if wanted is not None and found[:2] != tuple(wanted[:2]):
        raise DataError(
            f"{path} is {dimensions(shape)}, not {dimensions(wanted[:2])}; resize it, "
            "or purify it by --fit=tiled or --fit=resized."
        )


def _part(shape: Shape, taken: int | None, fit: Any) -> Shape:
    """(h, w, C) of the parts of a photo."""
    shape = (*shape[:2], taken or shape[-1])
    return shape if fit is None else tuple(fit.seen(shape))


def groups(photos: Sequence[Photo], taken: int | None, fit: Any) -> list[Group]:
    """The photos by the shape of their parts."""
    found: dict[Shape, list[Photo]] = {}
    for photo in photos:
        found.setdefault(_part(photo.shape, taken, fit), []).append(photo)
    return [
        Group(shape, tuple(found[shape]), sum(_counts(found[shape], fit)))
        for shape in sorted(found)
    ]


def _counts(photos: Sequence[Photo], fit: Any) -> Iterator[int]:
    """The number of parts of each photo; each size is asked for once."""
    sizes = Counter(photo.shape for photo in photos)
    for shape, count in sizes.items():
        yield count * (1 if fit is None else fit.count(shape))
