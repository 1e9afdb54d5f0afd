"""A split in memory: uint8 images with labels and their original positions."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from purifax.run.errors import DataError

__all__ = [
    "DataError",
    "Images",
    "check_classes",
    "dimensions",
    "suggestion",
    "understood",
]

_SHOWN = 10
"""Classes that are listed in a line."""


@dataclass(frozen=True)
class Images:
    """One split of a labelled image set, in memory.

    Attributes:
        images: uint8 [N, H, W, C], channels last.
        labels: int32 [N], each in 0 .. len(names) - 1.
        index: int64 [N], position of each image in the published split, so that
            results on parts of it can be joined; position in the source where that is
            unknown (a TFDS set without ids, an .npz without `index`).
        names: names of the classes, in the order of the labels.
        source: the origin of the images, in words.
    """

    images: np.ndarray
    labels: np.ndarray
    index: np.ndarray
    names: tuple[str, ...]
    source: str

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            raise DataError(
                f"{self.source} gave {self.images.dtype} images of shape "
                f"{self.images.shape}; uint8 [N, H, W, C] is needed."
            )
        count = len(self.images)
        if self.labels.shape != (count,) or self.index.shape != (count,):
            raise DataError(
                f"{self.source} holds {count} images but {len(self.labels)} labels "
                f"and {len(self.index)} positions; it is incomplete or mixed up."
            )
        for what, numbers in (("labels", self.labels), ("positions", self.index)):
            if not np.issubdtype(numbers.dtype, np.integer):
                raise DataError(
                    f"{self.source} has {what} of {numbers.dtype}; integers are needed."
                )
        if count and not 0 <= self.labels.min() <= self.labels.max() < len(self.names):
            raise DataError(
                f"{self.source} has labels from {self.labels.min()} to "
                f"{self.labels.max()}, but {len(self.names)} classes."
            )

    def __len__(self) -> int:
        return len(self.images)

    def summary(self) -> str:
        """What these images were understood to be, in one line.

        >>> zero = np.zeros(3, int)
        >>> grey = np.zeros((3, 8, 8, 1), np.uint8)
        >>> Images(grey, zero, np.arange(3), ("cat", "dog"), "photos").summary()
        '3 images of 8 x 8 x 1 in 2 classes (cat 3, dog 0) from photos'
        """
        counts = np.bincount(self.labels, minlength=len(self.names))
        names = [f"{n} {c}" for n, c in zip(self.names, counts, strict=True)]
        return understood(len(self), self.images.shape[1:], names, self.source)

    def take(self, positions: np.ndarray) -> "Images":
        """The images at these positions (not original indices), in this order."""
        return Images(
            self.images[positions],
            self.labels[positions],
            self.index[positions],
            self.names,
            self.source,
        )


def check_classes(*splits: Images) -> None:
    """Check that images can be classified: two classes or more, the same in all splits.

    Raises:
        DataError: they cannot; an unlabelled folder, for example, has one class.
    """
    first = splits[0]
    for images in splits:
        if len(images.names) < 2:
            raise DataError(
                f"{images.source} has one class ({', '.join(images.names)}), so that "
                "there is nothing to classify; sort the images into one folder per "
                "class, or give labels."
            )
        if images.names != first.names:
            raise DataError(
                f"{first.source} has {len(first.names)} classes and {images.source} "
                f"has {len(images.names)}, or others; splits of one set have the same."
            )


def understood(
    count: int, shape: Sequence[int], names: Sequence[str], source: str
) -> str:
    """What a source was understood to be, in one line.

    >>> understood(2, (8, 8, 1), ("cat", "dog"), "photos")
    '2 images of 8 x 8 x 1 in 2 classes (cat, dog) from photos'
    """
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    kinds = f"{len(names)} class{'es' * (len(names) != 1)} ({shown})"
    return f"{count} images of {dimensions(shape)} in {kinds} from {source}"


def dimensions(shape: Sequence[int]) -> str:
    """A shape in words.

    >>> dimensions((8, 8, 1))
    '8 x 8 x 1'
    """
    return " x ".join(map(str, shape))


def suggestion(word: str, known: Iterable[str]) -> str:
    """`Did you mean 'x'?` for the nearest known word, else a list of all of them."""
    known = tuple(known)
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(known)}."
