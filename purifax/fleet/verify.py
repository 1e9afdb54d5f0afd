"""Purify a random sample again and compare it with the written rows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from purifax.data.examples import Example, Stream
from purifax.data.rows import read_rows
from purifax.fleet.fingerprint import agree
from purifax.fleet.job import Job, load
from purifax.fleet.purify_batch import BatchedPurifier, key_words

__all__ = ["Check", "verify"]


@dataclass(frozen=True)
class Check:
    """The outcome of a comparison.

    Attributes:
        images: the number of images compared.
        different: by id, the largest difference in grey levels of images that differ;
            256 stands for a wrong label or a missing row.
    """

    images: int
    different: dict[int | bytes, int]


def verify(
    job: Job,
    stream: Stream,
    purify: BatchedPurifier,
    batch: int,
    count: int,
    seed: int = 0,
    tell: Callable[[int, int], None] | None = None,
) -> Check:
    """Compare `count` random images of the finished shards, bit for bit.

    Programs for another batch size, kind of device or version of jax may round
    differently.

    Raises:
        Mismatch: the folder holds another job.
        ValueError: no shard is done.
        DataError: a shard cannot be read.
    """
    load(job.out)
    agree(job.out / "job.json", job.words())
    done = sorted(job.done())
    if not done:
        raise ValueError(f"{job.out} has no shard that is done; nothing to verify.")
    written = np.concatenate([np.asarray(job.plan.positions(shard)) for shard in done])
    random = np.random.default_rng(seed)
    chosen = np.sort(random.permutation(written)[:count])
    different: dict[int | bytes, int] = {}
    compared = 0
    for shard in done:
        part = [int(n) for n in chosen if n in job.plan.positions(shard)]
        examples = [row for n in part for row in stream.read(range(n, n + 1))]
        readable = [row for row in examples if isinstance(row, Example)]
        different |= _compared(job, shard, readable, purify, batch)
        compared += len(readable)
        if tell is not None:
            tell(compared, len(chosen))
    return Check(compared, different)


def _compared(
    job: Job, shard: int, examples: list[Example], purify: BatchedPurifier, batch: int
) -> dict[int | bytes, int]:
    """The images of one shard that differ from the written rows, see `Check`."""
    if not examples:
        return {}
    wanted = {row.id for row in examples}
    rows = read_rows(job.shard(shard), job.layout)
    written = {row["id"]: row for row in rows if row["id"] in wanted}
    different = {}
    for start in range(0, len(examples), batch):
        group = examples[start : start + batch]
        filled = group + group[-1:] * (batch - len(group))
        words = key_words([row.id for row in filled])
        pixels, _ = purify(words, np.stack([row.image for row in filled]))
        for row, image in zip(group, np.asarray(pixels), strict=False):
            away = _distance(written.get(row.id), row, image)
            if away:
                different[row.id] = away
    return different


def _distance(written: dict | None, row: Example, image: np.ndarray) -> int:
    """The largest difference in grey levels; 256: a wrong label or a missing row."""
    if written is None or written["label"] != row.label:
        return 256
    return int(np.abs(written["image"].astype(int) - image.astype(int)).max())
