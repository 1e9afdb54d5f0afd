"""What purifying a folder of photos will cost, from one batch of them."""

import pathlib
import time
from collections import Counter

import numpy as np

from purifax.data.images import dimensions
from purifax.evaluation.settings import Evaluation
from purifax.fleet.purify_batch import share
from purifax.pipelines import configured, photos
from purifax.pipelines.album import Group
from purifax.pipelines.photo_job import How, PhotoJob, planned
from purifax.run.progress import clock
from purifax.types import Purifier

__all__ = ["estimate"]

_SHOWN = 5


def estimate(
    config: Evaluation,
    source: pathlib.Path,
    data_dir: str | None,
    seed: int,
    how: How,
) -> str:
    """What purifying these photos will cost, in lines; nothing is written.

    One batch of the largest group is purified twice, and the second run timed.
    """
    job = planned(config, source, how)
    found, groups = job.album, job.groups
    kinds = Counter(pathlib.PurePath(p.name).suffix.lower() for p in found.photos)
    sizes = Counter(dimensions(p.shape) for p in found.photos)
    lines = [f"{len(found.photos)} image(s) from {found.words}"]
    lines += [f"formats: {_most(kinds)}", f"sizes: {_most(sizes)}"]
    lines += [f"left out: {name}: {reason}" for name, reason in found.left_out]
    bound = configured.purifier(config, job.made, data_dir)
    largest = max(groups, key=lambda group: group.parts)
    seconds, first, batch = _timed(job, bound, largest, seed, share(config.chunk))
    pixels = np.prod(largest.shape[:2])
    whole = sum(g.parts * np.prod(g.shape[:2]) / pixels for g in groups)
    parts, calls = sum(group.parts for group in groups), job.made.calls()
    lines += [
        f"{parts} part(s) in {len(groups)} size(s), such as "
        f"{dimensions(largest.shape)}; each size is compiled once",
        f"network evaluations: {'unknown' if calls is None else parts * calls}",
        f"measured: {first:.1f} s with compilation, then {seconds:.3g} s for a batch "
        f"of {batch}",
        f"estimate: {clock(whole * seconds / batch + first * len(groups))} on this "
        "machine",
    ]
    return "\n".join(lines)


def _most(counts: Counter[str]) -> str:
    shown = ", ".join(f"{name} ({n})" for name, n in counts.most_common(_SHOWN))
    more = len(counts) - _SHOWN
    return shown + (f", and {more} more" if more > 0 else "")


def _timed(
    job: PhotoJob, bound: Purifier, group: Group, seed: int, most: int
) -> tuple[float, float, int]:
    """Seconds of a batch, those of the first, and the parts in it."""
    run, batch = photos.batched(bound, group, seed, most)
    parts: list[np.ndarray] = []
    for photo in group.photos:
        if len(parts) < batch:
            path = str(job.album.root / photo.name)
            parts += list(photos.parts_of(path, photo, job.taken, job.fit))
    rows = np.stack((parts * batch)[:batch])
    words = np.zeros((batch, 2), "<u4")
    spent = []
    for _ in range(2):
        start = time.monotonic()
        np.asarray(run(words, rows)[0])
        spent.append(time.monotonic() - start)
    return spent[1], spent[0], batch
