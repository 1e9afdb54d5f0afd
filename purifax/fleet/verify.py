"""Purify a random sample again and compare it with what is written."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from purifax.data.examples import Example, Stream
from purifax.data.rows import read_rows
from purifax.fleet.fingerprint import agree
from purifax.fleet.job import Job, load
from purifax.fleet.wash import Wash, key_words

__all__ = ["Check", "verify"]


@dataclass(frozen=True)
class Check:
    """What was compared, and what was not the same.

    Attributes:
        images: compared.
        different: ids whose pixels or labels differ, or that are not there, and by how
            many grey levels at most; 256 is a wrong label or a missing row.
    """

    images: int
    different: dict[int | bytes, int]


def verify(
    job: Job,
    stream: Stream,
    wash: Wash,
    batch: int,
    count: int,
    seed: int = 0,
    tell: Callable[[int, int], None] | None = None,
) -> Check:
    """Compares `count` random images of the shards that are done, bit for bit.

    Programs for another batch, kind of device or version of jax may round differently.

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
    held = np.concatenate([np.asarray(job.plan.positions(shard)) for shard in done])
    random = np.random.default_rng(seed)
    chosen = np.sort(random.permutation(held)[:count])
    different: dict[int | bytes, int] = {}
    compared = 0
    for shard in done:
        part = [int(n) for n in chosen if n in job.plan.positions(shard)]
        examples = [row for n in part for row in stream.read(range(n, n + 1))]
        readable = [row for row in examples if isinstance(row, Example)]
        different |= _compared(job, shard, readable, wash, batch)
        compared += len(readable)
        if tell is not None:
            tell(compared, len(chosen))
    return Check(compared, different)


def _compared(
    job: Job, shard: int, examples: list[Example], wash: Wash, batch: int
) -> dict[int | bytes, int]:
    """The ids of those of one shard that are not what is written."""
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
        pixels, _ = wash(words, np.stack([row.image for row in filled]))
        for row, image in zip(group, np.asarray(pixels), strict=False):
            away = _distance(written.get(row.id), row, image)
            if away:
                different[row.id] = away
    return different


def _distance(written: dict | None, row: Example, image: np.ndarray) -> int:
    """Grey levels between what is written and what it should be; 256: it is wrong."""
    if written is None or written["label"] != row.label:
        return 256
    return int(np.abs(written["image"].astype(int) - image.astype(int)).max())
