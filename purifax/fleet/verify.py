"""Compare what is written with its records, with the source, and with the purifier.

All that is written and the whole source are read; a random sample is purified again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from purifax.data.examples import Example, Stream
from purifax.fleet.content import changes
from purifax.fleet.fingerprint import agree
from purifax.fleet.job import Job, load
from purifax.fleet.purify_batch import BatchedPurifier, check_batch, key_words
from purifax.fleet.status import look

__all__ = ["Check", "verify"]


@dataclass(frozen=True)
class Check:
    """The outcome of a comparison.

    Attributes:
        images: the number of images compared.
        different: by id, the largest difference in grey levels of images that differ;
            256 stands for a wrong label or a missing row.
        damaged: by name of the file, what is wrong with it.
        changed: by name of the shard, an image of which the source holds another
            content now.
    """

    images: int
    different: dict[int | bytes, int]
    damaged: dict[str, str] = field(default_factory=dict)
    changed: dict[str, str] = field(default_factory=dict)

    def right(self) -> bool:
        """Whether everything is as it was made, and as it would be made again."""
        return not (self.different or self.damaged or self.changed)


def verify(
    job: Job,
    stream: Stream,
    purify: BatchedPurifier,
    batch: int,
    count: int,
    seed: int = 0,
    tell: Callable[[int, int], None] | None = None,
) -> Check:
    """Compare the checksums, the source, and `count` random images, bit for bit.

    Another kind of device or version of jax may round differently.

    Raises:
        Mismatch: the folder holds another job, or a purifier of another batch shape.
        ValueError: no shard is done, or `count` is not positive.
    """
    check_batch(purify, batch)
    if type(count) is not int or count < 1:
        raise ValueError(f"`count` must be 1 image or more; got {count!r}.")
    load(job.out)
    job = job.compiled(purify)
    agree(job.file, job.words())
    sound, damaged = look(job)
    if not sound and not damaged:
        raise ValueError(f"{job.out} has no shard that is done; nothing to verify.")
    changed, different, compared = {}, {}, 0
    chosen = _chosen(job, list(sound), count, seed)
    for shard, record in sound.items():
        found = changes(job, shard, record, stream).other
        if found:
            changed[job.shard(shard).name] = found[0]
        part = [int(n) for n in chosen if n in job.plan.positions(shard)]
        examples = [row for n in part for row in stream.read(range(n, n + 1))]
        readable = [row for row in examples if isinstance(row, Example)]
        different |= _compared(job, shard, readable, purify, batch)
        compared += len(readable)
        if tell is not None:
            tell(compared, len(chosen))
    return Check(compared, different, damaged, changed)


def _chosen(job: Job, shards: list[int], count: int, seed: int) -> np.ndarray:
    """The positions of a random sample of the images in some shards, sorted."""
    written = [np.asarray(job.plan.positions(shard)) for shard in shards]
    positions = np.concatenate([np.zeros(0, int), *written])
    return np.sort(np.random.default_rng(seed).permutation(positions)[:count])


def _compared(
    job: Job, shard: int, examples: list[Example], purify: BatchedPurifier, batch: int
) -> dict[int | bytes, int]:
    """The images of one shard that differ from the written rows, see `Check`."""
    if not examples:
        return {}
    wanted = {row.id for row in examples}
    rows = job.written.rows(job.shard(shard), job.layout)
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
