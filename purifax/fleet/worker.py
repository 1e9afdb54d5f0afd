"""The worker: claim a shard, purify it, write it, take the next one.

Workers share a folder and nothing else. There may be any number of them, and they may
come, go and die at any moment: a shard's file appears whole, and its rows depend
neither on the worker that writes them nor on how often they are written. Workers never
communicate, so none waits for a dead one.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from purifax.data.examples import Example, Stream, Unreadable
from purifax.data.files import leftovers, remove, write_once
from purifax.data.write import encode_shard
from purifax.fleet.ahead import ahead
from purifax.fleet.finish import clear, finish, note
from purifax.fleet.job import Job, claim
from purifax.fleet.lease import Leases, Lost
from purifax.fleet.purify_batch import BatchedPurifier, key_words
from purifax.fleet.shards import route

__all__ = ["Tally", "work"]

NOT_FINITE = "the purifier's answer is not finite"
REPAIRS = 3
"""How often damaged shards are purified again."""


@dataclass
class Tally:
    """The work that one worker has done.

    Attributes:
        shards: shards that it wrote.
        images: images in them.
        lost: shards that another worker wrote while this one purified them.
    """

    shards: int = 0
    images: int = 0
    lost: int = 0


def _silent(done: int, total: int) -> None:
    del done, total


def _on() -> None:
    pass


def work(
    job: Job,
    stream: Stream,
    purify: BatchedPurifier,
    batch: int,
    *,
    worker: int = 0,
    workers: int = 1,
    leases: Leases | None = None,
    tell: Callable[[int, int], None] = _silent,
    check: Callable[[], None] = _on,
    sleep: Callable[[float], None] = time.sleep,
    pause: float = 5.0,
) -> Tally:
    """Work until the whole set is purified, by this worker and any others.

    Args:
        job: the set and its folder.
        stream: the source, `job.plan.count` images.
        purify: the purifier for batches of `batch` images; see `batched_purifier`.
        batch: images at once; the last batch of a shard is filled up to it.
        worker: the number of this worker, of `workers`; decides where it starts.
        leases: by default those of the job's folder, lasting ten minutes.
        tell: called with the number of images done, by all workers, and of all images.
        check: called between batches; may raise, to stop.
        sleep: waits for the given seconds.
        pause: seconds between looks at shards that other workers hold.

    Returns:
        The work that this worker has done.

    Raises:
        Mismatch: the folder belongs to another job.
        OSError: the folder cannot be written to, or is full; finished shards are kept.

    >>> import tempfile
    >>> from etils.epath import Path
    >>> from jax.tree_util import Partial
    >>> from purifax import data, fleet
    >>> stream = data.open_stream("digits", "test")
    >>> layout = data.Layout("purified", stream.shape, stream.names)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     job = fleet.Job(Path(folder), layout, fleet.plan(stream.count, 250))
    ...     inverted = Partial(lambda key, x: 1 - x)
    ...     purify = fleet.batched_purifier(inverted, seed=0, batch=50)
    ...     work(job, stream, purify, batch=50)
    Tally(shards=2, images=500, lost=0)
    """
    claim(job)
    leases = leases or Leases(job.leases)
    shift = _Shift(job, stream, purify, batch, leases, tell, check)
    order = route(job.plan.shards, worker, workers)
    while not job.finished():
        done = job.done()
        shift.count(done)
        left = [shard for shard in order if shard not in done]
        if not left:
            shift.repair(finish(job))
        elif not any([shift.take(shard) for shard in left]):
            check()
            sleep(pause)
    shift.count(set(order))
    clear(job)
    return shift.tally


@dataclass
class _Shift:
    """The loop over shards of one worker."""

    job: Job
    stream: Stream
    purify: BatchedPurifier
    batch: int
    leases: Leases
    tell: Callable[[int, int], None]
    check: Callable[[], None]
    tally: Tally = field(default_factory=Tally)
    before: int = 0
    repairs: int = 0

    def count(self, done: set[int]) -> None:
        """Report how many images are in the finished shards."""
        self.before = sum(len(self.job.plan.positions(shard)) for shard in done)
        self.tell(self.before, self.job.plan.count)

    def repair(self, damaged: list[int]) -> None:
        """Count a repair of damaged shards, of which only a few are allowed."""
        self.repairs += bool(damaged)
        if self.repairs > REPAIRS:
            raise OSError(
                f"{self.job.shard(damaged[0])} has been damaged or changed each time "
                "that it was written; look at the disk."
            )

    def take(self, shard: int) -> bool:
        """Purify one shard, unless it is done or another worker holds it.

        Returns whether it was purified.
        """
        name, path = self.job.plan.name(shard), self.job.shard(shard)
        if path.exists() or not self.leases.claim(name):
            return False
        try:
            if path.exists():
                return False
            for part in leftovers(self.job.data).get(path.name, []):
                remove(part)
            columns, unreadable = self._purified(shard, name)
            self._publish(shard, columns, unreadable)
        except Lost:
            self.tally.lost += 1
            return False
        finally:
            self.leases.release(name)
        self.tally.shards += 1
        self.before += len(self.job.plan.positions(shard))
        return True

    def _publish(
        self, shard: int, columns: dict[str, Any], unreadable: list[Unreadable]
    ) -> None:
        """Write the shard's file, last of all: with it the shard is done."""
        content = encode_shard(self.job.layout, columns)
        self.check()
        if self.job.shard(shard).exists():
            raise Lost(self.job.plan.name(shard))
        note(self.job, shard, unreadable)
        if not write_once(self.job.shard(shard), content):
            raise Lost(self.job.plan.name(shard))
        self.tally.images += len(columns["label"])

    def _purified(
        self, shard: int, name: str
    ) -> tuple[dict[str, Any], list[Unreadable]]:
        """The columns of a shard, and its images that could not be purified."""
        table, unreadable = _Table(self.job), []
        positions, waiting = self.job.plan.positions(shard), None
        with closing(ahead(self.stream.read(positions), 2 * self.batch)) as rows:
            for examples in _groups(rows, self.batch, unreadable):
                answer = self._answer(examples)
                if waiting is not None:
                    unreadable += table.add(*waiting)
                waiting = examples, answer  # the device works while the next is read
                self.leases.renew(name)
                self.check()
                self.tell(self.before + len(table.labels), self.job.plan.count)
        if waiting is not None:
            unreadable += table.add(*waiting)
        return table.columns(), unreadable

    def _answer(self, examples: list[Example]) -> tuple[Any, Any]:
        """The purified batch, filled up to its fixed size with its last image."""
        filled = examples + examples[-1:] * (self.batch - len(examples))
        pixels = np.stack([row.image for row in filled])
        return self.purify(key_words([row.id for row in filled]), pixels)


def _groups(
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


class _Table:
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
