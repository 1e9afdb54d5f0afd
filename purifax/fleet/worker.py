"""The worker: claim a shard, purify it, write it, take the next; as many as there are.

Workers share a folder and nothing else. They may come, go and die at any moment, and be
of any number: a shard's file appears whole, and its rows depend on neither who writes
them nor how often. Nobody talks to anybody, so nothing waits for a dead one.
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
from purifax.fleet.shards import route
from purifax.fleet.wash import Wash, key_words

__all__ = ["Tally", "work"]

NOT_FINITE = "the purifier's answer is not finite"
MENDED = 3
"""How often damaged shards are done again."""


@dataclass
class Tally:
    """What one worker has done.

    Attributes:
        shards: that it wrote.
        images: in them.
        lost: shards that another worker wrote while this one was at them.
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
    wash: Wash,
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
    """Works until the whole set is there, whoever does the rest.

    Args:
        job: what is done, and where.
        stream: its source, `job.plan.count` images.
        wash: the purifier for batches of `batch` images; see `washer`.
        batch: images at once; the last of a shard are filled up to it.
        worker: this one's number, which decides where it starts, of `workers`.
        leases: by default those of the job's folder, lasting ten minutes.
        tell: told how many images are done, by whomever, and how many there are.
        check: called between batches; may raise, to stop.
        sleep: waits for so many seconds.
        pause: seconds between looks at shards that others hold.

    Returns:
        What this worker has done.

    Raises:
        Mismatch: the folder belongs to another job.
        OSError: the folder cannot be written, or is full; what is done is kept.

    >>> import tempfile
    >>> from etils.epath import Path
    >>> from jax.tree_util import Partial
    >>> from purifax import data, fleet
    >>> stream = data.open_stream("digits", "test")
    >>> layout = data.Layout("washed", stream.shape, stream.names)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     job = fleet.Job(Path(folder), layout, fleet.plan(stream.count, 250))
    ...     wash = fleet.washer(Partial(lambda key, x: 1 - x), seed=0, batch=50)
    ...     work(job, stream, wash, batch=50)
    Tally(shards=2, images=500, lost=0)
    """
    claim(job)
    shift = _Shift(job, stream, wash, batch, leases or Leases(job.leases), tell, check)
    order = route(job.plan.shards, worker, workers)
    while not job.finished():
        done = job.done()
        shift.count(done)
        left = [shard for shard in order if shard not in done]
        if not left:
            shift.mend(finish(job))
        elif not any([shift.take(shard) for shard in left]):
            check()
            sleep(pause)
    shift.count(set(order))
    clear(job)
    return shift.tally


@dataclass
class _Shift:
    """One worker at its shards."""

    job: Job
    stream: Stream
    wash: Wash
    batch: int
    leases: Leases
    tell: Callable[[int, int], None]
    check: Callable[[], None]
    tally: Tally = field(default_factory=Tally)
    before: int = 0
    mended: int = 0

    def count(self, done: set[int]) -> None:
        """Says how many images are in the shards that are done."""
        self.before = sum(len(self.job.plan.positions(shard)) for shard in done)
        self.tell(self.before, self.job.plan.count)

    def mend(self, damaged: list[int]) -> None:
        """Takes note that shards are to be done again, which may not go on for ever."""
        self.mended += bool(damaged)
        if self.mended > MENDED:
            raise OSError(
                f"{self.job.shard(damaged[0])} has been damaged or changed each time "
                "that it was written; look at the disk."
            )

    def take(self, shard: int) -> bool:
        """Purifies a shard unless it is done, or somebody's; whether it did."""
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
        """The shard's file last: with it the shard is done."""
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
        """The columns of a shard, and what of it could not be had."""
        table, unreadable = _Table(self.job), []
        positions, waiting = self.job.plan.positions(shard), None
        with closing(ahead(self.stream.read(positions), 2 * self.batch)) as rows:
            for examples in _groups(rows, self.batch, unreadable):
                answer = self._washed(examples)
                if waiting is not None:
                    unreadable += table.add(*waiting)
                waiting = examples, answer  # the device works while the next is read
                self.leases.renew(name)
                self.check()
                self.tell(self.before + len(table.labels), self.job.plan.count)
        if waiting is not None:
            unreadable += table.add(*waiting)
        return table.columns(), unreadable

    def _washed(self, examples: list[Example]) -> tuple[Any, Any]:
        """A batch of the fixed size; its last image is repeated to fill it."""
        filled = examples + examples[-1:] * (self.batch - len(examples))
        pixels = np.stack([row.image for row in filled])
        return self.wash(key_words([row.id for row in filled]), pixels)


def _groups(
    rows: Iterable[Example | Unreadable], batch: int, unreadable: list[Unreadable]
) -> Iterator[list[Example]]:
    """Batches of what can be read; the rest is put aside."""

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
        """Takes a batch's rows; gives those that the purifier has no answer to."""
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
        """The rows as `encode_shard` takes them."""
        none = np.zeros((0, *self._layout.shape), np.uint8)
        images = np.stack(self._images) if self._images else none
        labels = np.asarray(self.labels, np.int64)
        return {"image": images, "label": labels, "id": self._ids, **self._extras}
