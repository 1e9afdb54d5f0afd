"""A split in memory: uint8 images with labels and their original positions."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

__all__ = ["DataError", "Images", "suggestion"]


class DataError(ValueError):
    """Data that is missing, damaged or misnamed; the message says what to do."""


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
        if count and not 0 <= self.labels.min() <= self.labels.max() < len(self.names):
            raise DataError(
                f"{self.source} has labels from {self.labels.min()} to "
                f"{self.labels.max()}, but {len(self.names)} classes."
            )

    def __len__(self) -> int:
        return len(self.images)

    def take(self, positions: np.ndarray) -> "Images":
        """The images at these positions (not original indices), in this order."""
        return Images(
            self.images[positions],
            self.labels[positions],
            self.index[positions],
            self.names,
            self.source,
        )


def suggestion(word: str, known: Iterable[str]) -> str:
    """`Did you mean 'x'?` for the nearest known word, else a list of all of them."""
    known = tuple(known)
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(known)}."
