"""The purified rows of one shard, as they come."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from purifax.data.examples import Example, Unreadable
from purifax.fleet.job import Job

__all__ = ["Table", "groups"]

NOT_FINITE = "the purifier's answer is not finite"


def groups(
    rows: Iterable[Example | Unreadable], batch: int, unreadable: list[Unreadable]
) -> Iterator[list[Example]]:
    """Batches of the readable rows; the others are added to `unreadable`."""

    def readable() -> Iterator[Example]:
        for row in rows:
            if isinstance(row, Unreadable):
                unreadable.append(row)
            else:
                yield row

    examples = readable()
    while group := list(islice(examples, batch)):
        yield group


class Table:
    """The purified rows of one shard."""

    def __init__(self, job: Job) -> None:
        self._layout = job.layout
        self._images: list[np.ndarray] = []
        self._ids: list[int | bytes] = []
        self._extras: dict[str, list[Any]] = {key: [] for key in job.layout.extras}
        self.labels: list[int] = []

    def add(self, examples: list[Example], answer: tuple[Any, Any]) -> list[Unreadable]:
        """Add the rows of a batch. Returns those whose purified image is not finite."""
        pixels, finite = (np.asarray(part) for part in answer)
        lost = []
        for row, image, fine in zip(examples, pixels, finite, strict=False):
            if not fine:
                lost.append(Unreadable(row.position, f"id {row.id}", NOT_FINITE))
                continue
            self._images.append(image)
            self._ids.append(row.id)
            self.labels.append(row.label)
            for key, column in self._extras.items():
                column.append(row.extras[key])
        return lost

    def columns(self) -> dict[str, Any]:
        """The rows as `encode_shard` expects them."""
        none = np.zeros((0, *self._layout.shape), np.uint8)
        images = np.stack(self._images) if self._images else none
        labels = np.asarray(self.labels, np.int64)
        return {"image": images, "label": labels, "id": self._ids, **self._extras}
