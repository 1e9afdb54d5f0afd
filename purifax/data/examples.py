"""What a stream gives: an example, or where and why there is none."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Example", "Stream", "Unreadable", "checked"]


@dataclass(frozen=True)
class Example:
    """One labelled image.

    Attributes:
        position: in the stream.
        image: uint8 [H, W, C].
        label: its class.
        id: as the source calls it, a number or text; else its position.
        extras: what else the source has, by name.
    """

    position: int
    image: np.ndarray
    label: int
    id: int | bytes
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Unreadable:
    """An image that cannot be had: its position, where it should be, and why not."""

    position: int
    where: str
    reason: str


@dataclass(frozen=True)
class Stream:
    """Labelled images of one size that are read by position.

    Attributes:
        count: of images, unreadable ones included.
        shape: (H, W, C) of all of them.
        names: of the classes, in the order of the labels.
        source: where they come from, in words.
        digest: a hash of what tells this source from others.
        read: `read(positions)` gives one row for each position, in order; from one
            thread at a time.
        text_ids: whether ids are text.
        extras: what else each has, as in `Layout`.
    """

    count: int
    shape: tuple[int, int, int]
    names: tuple[str, ...]
    source: str
    digest: str
    read: Callable[[range], Iterator[Example | Unreadable]]
    text_ids: bool = False
    extras: Mapping[str, tuple[tuple[int, ...], str]] = field(default_factory=dict)


def checked(
    rows: Iterator[Example | Unreadable],
    shape: tuple[int, ...],
    classes: int,
    where: Callable[[int], str],
) -> Iterator[Example | Unreadable]:
    """The rows, but those of another shape or with an unknown label unreadable.

    Args:
        where: a position in words.

    >>> odd = Example(0, np.zeros((2, 3, 1), np.uint8), 4, 0)
    >>> [row.reason for row in checked(iter([odd]), (2, 3, 1), 3, str)]
    ['its label is 4, but there are 3 classes']
    """
    for row in rows:
        reason = None
        if isinstance(row, Example) and row.image.shape != tuple(shape):
            reason = f"it is {_size(row.image.shape)}, the others are {_size(shape)}"
        elif isinstance(row, Example) and not 0 <= row.label < classes:
            reason = f"its label is {row.label}, but there are {classes} classes"
        yield Unreadable(row.position, where(row.position), reason) if reason else row


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
