"""Purifying a data set by one worker and by two, beside the purifier alone.

Each row is the same images through the same compiled program of ADP. The purifier alone
takes batches that are in memory and keeps nothing; a worker reads, takes leases and
writes a TFDS set to the disk. Two workers are two threads, each with half of the
devices where there are several.
"""

import resource
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.benchmarking.subject import CLASSES, LEVEL, Row, Subject, row
from purifax import data, fleet
from purifax.data.files import place
from purifax.data.stream import from_images
from purifax.fleet.purify_batch import key_words
from purifax.purify import ADP

__all__ = ["rows"]

SHARDS = 4
"""As many as there may be, each of whole batches: the rest of one would be padding."""


def rows(subject: Subject) -> list[Row]:
    """The purifier alone, one worker and two.

    Each has its time over that of the purifier alone, and the most memory that the
    process has had until then, in bytes.
    """
    images, count = _images(subject), subject.config.purified
    some = jax.local_devices()
    halves = [some[::2], some[1::2] or some]
    ways = {
        "the purifier alone": partial(_alone, images, _purify(subject, some)),
        "1 worker": partial(_work, images, [_purify(subject, some)]),
        "2 workers": partial(
            _work, images, [_purify(subject, half) for half in halves]
        ),
    }
    found: list[Row] = []
    for name, way in ways.items():
        run = partial(way, _batch(subject))
        timed = row("workers", name, run, count, subject.config.repeats)
        first = found[0] if found else timed
        timed.numbers["over_the_purifier"] = timed.seconds / first.seconds
        timed.numbers["peak_host_bytes"] = _peak()
        found.append(timed)
    return found


def _images(subject: Subject) -> data.Images:
    """So many images as bytes, drawn anew."""
    config = subject.config
    shape = (config.purified, config.side, config.side, config.channels)
    random = np.random.default_rng(config.seed)
    pixels = random.integers(0, 256, shape, np.uint8)
    labels = random.integers(0, CLASSES, config.purified).astype(np.int32)
    names = tuple(map(str, range(CLASSES)))
    return data.Images(pixels, labels, np.arange(config.purified), names, "drawn")


def _batch(subject: Subject) -> int:
    return min(subject.config.images, subject.config.purified)


def _purify(subject: Subject, devices: Sequence[Any]) -> Callable[..., Any]:
    purifier = subject.purifier(ADP(level=LEVEL, steps=subject.config.steps))
    seed = subject.config.seed
    return fleet.batched_purifier(purifier, seed, _batch(subject), devices)


def _alone(images: data.Images, purify: Callable[..., Any], batch: int) -> None:
    """Batch after batch, of which each is sent before the last is fetched."""
    before = None
    for start in range(0, len(images), batch):
        rows = np.minimum(np.arange(start, start + batch), len(images) - 1)
        words = key_words(images.index[rows].tolist())
        answer = purify(words, images.images[rows])
        jax.device_get(before)
        before = answer
    jax.device_get(before)


def _work(images: data.Images, purifiers: list[Any], batch: int) -> None:
    """A whole job in a new folder, by as many workers as there are purifiers."""
    stream = from_images(images)
    with tempfile.TemporaryDirectory() as folder:
        layout = data.Layout("purified", stream.shape, stream.names)
        cut = fleet.plan(stream.count, batch * -(-stream.count // (SHARDS * batch)))
        seed = purifiers[0].seed
        job = fleet.Job(place(Path(folder)), layout, cut, seed=seed)
        threads = [
            threading.Thread(
                target=fleet.work,
                args=(job, stream, purify, batch),
                kwargs={"worker": n, "workers": len(purifiers), "pause": 0.01},
            )
            for n, purify in enumerate(purifiers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if not job.finished():
            raise RuntimeError("a worker has failed; the set is not there.")


def _peak() -> int:
    """The most bytes of memory that this process has had."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
