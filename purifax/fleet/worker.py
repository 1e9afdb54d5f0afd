"""The worker: claim a shard, purify it, write it, take the next one.

Workers share a folder and nothing else. There may be any number of them, and they may
come, go and die at any moment: a shard's record appears, then its file, each whole, and
its rows depend neither on the worker that writes them nor on how often they are
written. Workers never communicate, so none waits for a dead one.

A worker that starts where shards are done compares its part of them with their records
and with the source, both of which it reads. Before a set is called complete all its
shards are read once more. What was damaged is named and made again.
"""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from purifax.data.examples import Example, Stream, Unreadable
from purifax.data.files import leftovers, remove, write_once
from purifax.fleet.ahead import ahead
from purifax.fleet.content import hashing
from purifax.fleet.finish import (
    clear,
    described,
    descriptions,
    finish,
    reopen,
)
from purifax.fleet.inspection import inspect
from purifax.fleet.job import Job, claim
from purifax.fleet.lease import Leases, Lost
from purifax.fleet.purify_batch import BatchedPurifier, check_batch, key_words
from purifax.fleet.record import Damaged, checked, recorded
from purifax.fleet.shards import route
from purifax.fleet.table import Table, groups

__all__ = ["Tally", "work"]

REPAIRS = 3
"""How often damaged files are written again."""

FINISH = "finish"
"""The lease of the worker that reads all shards and describes the set."""


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


def _silent(*news: Any) -> None:
    del news


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
    warn: Callable[[str], None] = _silent,
    check: Callable[[], None] = _silent,
    sleep: Callable[[float], None] = time.sleep,
    pause: float = 5.0,
) -> Tally:
    """Work until the whole set is purified, by this worker and any others.

    Args:
        job: the set and its folder.
        stream: the source, `job.plan.count` images.
        purify: the purifier for batches of `batch` images; see `batched_purifier`.
            The job records the shape that it is compiled for.
        batch: images at once; the last batch of a shard is filled up to it.
        worker: the number of this worker, of `workers`; decides where it starts, and
            which of the shards that are done it compares with the source.
        leases: by default those of the job's folder, lasting ten minutes.
        tell: called with the number of images done, by all workers, and of all images.
        warn: called with a sentence about each file that is damaged.
        check: called between batches; may raise, to stop.
        sleep: waits for the given seconds.
        pause: seconds between looks at shards that other workers hold.

    Returns:
        The work that this worker has done.

    Raises:
        Mismatch: the folder belongs to another job, or a shard was made from other
            images than the source holds now.
        ValueError: `batch` is not the purifier's, the folder holds a set whose job is
            lost, or its job is damaged.
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
    check_batch(purify, batch)
    job, order = job.compiled(purify), route(job.plan.shards, worker, workers)
    claim(job)
    leases = leases or Leases(job.leases)
    shift = _Shift(job, stream, purify, batch, leases, tell, warn, check)
    shift.complete = bool(descriptions(job))
    own = [shard for shard in sorted(job.done()) if shard % workers == worker]
    shift.damaged |= inspect(job, own, stream, warn, check)
    while True:
        done = job.done()
        shift.damaged |= job.files() - done
        done -= shift.damaged
        shift.count(done)
        left = [shard for shard in order if shard not in done]
        if not left and described(job):
            break
        worked = [shift.take(shard) for shard in left] if left else [shift.finish()]
        if not any(worked):
            check()
            sleep(pause)
    shift.count(set(order))
    clear(job)
    return shift.tally


@dataclass
class _Shift:
    """The loop over shards of one worker.

    Attributes:
        damaged: shards whose files are to be looked at, and made again.
        complete: whether the set was complete before.
        before: images in finished shards.
        repairs: how often damage was found at the end.
    """

    job: Job
    stream: Stream
    purify: BatchedPurifier
    batch: int
    leases: Leases
    tell: Callable[[int, int], None]
    warn: Callable[[str], None]
    check: Callable[[], None]
    tally: Tally = field(default_factory=Tally)
    damaged: set[int] = field(default_factory=set)
    complete: bool = False
    before: int = 0
    repairs: int = 0

    def count(self, done: set[int]) -> None:
        """Report how many images are in the finished shards."""
        self.before = sum(len(self.job.plan.positions(shard)) for shard in done)
        self.tell(self.before, self.job.plan.count)

    def finish(self) -> bool:
        """Describe the set, unless another worker is at it or a shard is damaged.

        Returns whether this worker did what there was to do.
        """
        if not self.leases.claim(FINISH):
            return False
        try:
            wrong = finish(self.job, self._between)
        except Lost:
            return False
        finally:
            self.leases.release(FINISH)
        self.damaged |= wrong.keys()
        again = [self.job.shard(shard) for shard in wrong]
        if not wrong and not described(self.job):
            again = [self.job.info]
        self.repairs += bool(again)
        if self.repairs > REPAIRS:
            raise OSError(
                f"{again[0]} has been damaged or changed each time that it was "
                "written; look at the disk."
            )
        return True

    def _between(self) -> None:
        self.leases.renew(FINISH)
        self.check()

    def take(self, shard: int) -> bool:
        """Purify one shard, unless it is done or another worker holds it.

        Returns whether it was purified.
        """
        name, path = self.job.plan.name(shard), self.job.shard(shard)
        done = path.exists() and shard not in self.damaged
        if done or not self.leases.claim(name):
            return False
        try:
            if self._stands(shard):
                return False
            reopen(self.job)
            for part in leftovers(self.job.data).get(path.name, []):
                remove(part)
            self._publish(shard, *self._purified(shard, name))
        except Lost:
            self.tally.lost += 1
            return False
        finally:
            self.leases.release(name)
        self.tally.shards += 1
        self.before += len(self.job.plan.positions(shard))
        return True

    def _stands(self, shard: int) -> bool:
        """Whether a shard's file is there as recorded; another one is removed."""
        path = self.job.shard(shard)
        self.damaged.discard(shard)
        if not (self.complete or path.exists()):
            return False
        try:
            checked(self.job, shard)
        except Damaged as error:
            self.warn(f"{path.name}: {error}; it is made again.")
            remove(path)
            return False
        return True

    def _publish(
        self,
        shard: int,
        columns: dict[str, Any],
        unreadable: list[Unreadable],
        seen: dict[int, str],
    ) -> None:
        """Write the shard's file, last of all: with it the shard is done."""
        content = self.job.written.encode(self.job.layout, columns)
        self.check()
        if self.job.shard(shard).exists():
            raise Lost(self.job.plan.name(shard))
        recorded(self.job, shard, content, seen, unreadable)
        if not write_once(self.job.shard(shard), content):
            raise Lost(self.job.plan.name(shard))
        self.tally.images += len(columns["label"])

    def _purified(
        self, shard: int, name: str
    ) -> tuple[dict[str, Any], list[Unreadable], dict[int, str]]:
        """The columns of a shard, the images it lacks, and the hashes of the others."""
        table, unreadable, seen, waiting = Table(self.job), [], {}, None
        positions = self.job.plan.positions(shard)
        source = hashing(self.stream.read(positions), seen)
        with closing(ahead(source, 2 * self.batch)) as rows:
            for examples in groups(rows, self.batch, unreadable):
                answer = self._answer(examples)
                if waiting is not None:
                    unreadable += table.add(*waiting)
                waiting = examples, answer  # the device works while the next is read
                self.leases.renew(name)
                self.check()
                self.tell(self.before + len(table.labels), self.job.plan.count)
        if waiting is not None:
            unreadable += table.add(*waiting)
        given = len(table.labels) + len(unreadable)
        if given != len(positions) or {*seen, *_positions(unreadable)} != {*positions}:
            raise ValueError(
                f"{self.stream.source} gave {given} rows for the {len(positions)} "
                f"positions of {name}, or rows of other positions."
            )
        return table.columns(), unreadable, seen

    def _answer(self, examples: list[Example]) -> tuple[Any, Any]:
        """The purified batch, filled up to its fixed size with its last image."""
        filled = examples + examples[-1:] * (self.batch - len(examples))
        pixels = np.stack([row.image for row in filled])
        return self.purify(key_words([row.id for row in filled]), pixels)


def _positions(rows: list[Unreadable]) -> list[int]:
    return [row.position for row in rows]
