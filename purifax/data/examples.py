"""The rows of a stream: an example, or the place and reason of a missing one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from purifax.data.images import dimensions, understood

__all__ = ["Example", "Stream", "Unreadable", "checked"]


@dataclass(frozen=True)
class Example:
    """One labelled image.

    Attributes:
        position: in the stream.
        image: uint8 [H, W, C].
        label: its class.
        id: its id in the source, a number or text; else its position.
        extras: further features of the source, by name.
    """

    position: int
    image: np.ndarray
    label: int
    id: int | bytes
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Unreadable:
    """An image that cannot be read: its position, its place in words, and why."""

    position: int
    where: str
    reason: str


@dataclass(frozen=True)
class Stream:
    """Labelled images of one size that are read by position.

    Attributes:
        count: number of images, including unreadable ones.
        shape: (H, W, C) of every image.
        names: names of the classes, in the order of the labels.
        source: the origin of the images, in words.
        digest: a hash that identifies the source.
        read: `read(positions)` yields one row for each position, in order; called by
            one thread at a time.
        text_ids: whether ids are text.
        extras: further features of each example, as in `Layout`.
    """

    count: int
    shape: tuple[int, int, int]
    names: tuple[str, ...]
    source: str
    digest: str
    read: Callable[[range], Iterator[Example | Unreadable]]
    text_ids: bool = False
    extras: Mapping[str, tuple[tuple[int, ...], str]] = field(default_factory=dict)

    def summary(self) -> str:
        """What this source was understood to be, in one line."""
        return understood(self.count, self.shape, self.names, self.source)


def checked(
    rows: Iterator[Example | Unreadable],
    shape: tuple[int, ...],
    classes: int,
    where: Callable[[int], str],
) -> Iterator[Example | Unreadable]:
    """The rows; those of another shape or with an unknown label become `Unreadable`.

    Args:
        where: describes a position in words.

    >>> odd = Example(0, np.zeros((2, 3, 1), np.uint8), 4, 0)
    >>> [row.reason for row in checked(iter([odd]), (2, 3, 1), 3, str)]
    ['its label is 4, but there are 3 classes']
    """
    for row in rows:
        reason = None
        if isinstance(row, Example) and row.image.shape != tuple(shape):
            own, wanted = dimensions(row.image.shape), dimensions(shape)
            reason = f"it is {own}, the others are {wanted}"
        elif isinstance(row, Example) and not 0 <= row.label < classes:
            reason = f"its label is {row.label}, but there are {classes} classes"
        yield Unreadable(row.position, where(row.position), reason) if reason else row
