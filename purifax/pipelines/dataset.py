"""A data set in, a purified data set out: the command's part around `purifax.fleet`."""

import dataclasses
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax

from purifax import data, fleet
from purifax.data.examples import Stream
from purifax.data.files import place
from purifax.evaluation import own_parts
from purifax.evaluation.settings import Evaluation
from purifax.fleet import lease
from purifax.fleet import status as statuses
from purifax.fleet.finish import trouble
from purifax.fleet.job import begin
from purifax.fleet.purify_batch import BatchedPurifier, share
from purifax.fleet.verify import verify
from purifax.pipelines import configured
from purifax.pipelines.archive import archive, files
from purifax.pipelines.records import fingerprint, record
from purifax.run.progress import Progress, say
from purifax.run.stop import Stop, Stopped
from purifax.types import Purifier

__all__ = ["Place", "check", "purify", "show"]


@dataclass(frozen=True)
class Place:
    """Where a data set comes from and goes, and who this worker is.

    Attributes:
        source: a TFDS directory, a folder, an .npz or the name of a set.
        out: the folder of the job.
        data_dir: where a named set is looked for.
        split: of the source; the purified set calls it so.
        shard_size: images in a shard, at most.
        seed: of the purifier's noise.
        worker: this one, and how many there are.
        lease: seconds after which a silent worker's shard is another's.
        form: of the purified set: tfds, parquet or webdataset.
    """

    source: str
    out: str
    data_dir: str | None = None
    split: str = "train"
    shard_size: int = 1000
    seed: int = 0
    worker: tuple[int, int] = (0, 1)
    lease: float = 600.0
    form: str = "tfds"


def purify(config: Evaluation, where: Place, npz: bool, folder: bool = False) -> int:
    """Works at the job until its set is complete; the command's exit code.

    Args:
        npz: worker 0 also writes all of it into one .npz.
        folder: worker 0 also writes each image as a PNG in the folder of its class.

    Returns:
        0; 1 if images were left out, each of which is told; 143 or 130 when stopped.
    """
    job, stream, bound = _set_up(config, where)
    job = begin(dataclasses.replace(job, batch=share(config.chunk)))
    purifier, batch = _batched(job, bound, config.chunk)
    worker, workers = where.worker
    if worker == 0 and os.path.exists(os.path.expanduser(where.source)):
        say(stream.summary())
    tell = _Shown(worker == 0)
    leases = lease.Leases(job.leases, lasting=where.lease)
    with Stop() as stop:
        try:
            tally = fleet.work(
                job,
                stream,
                purifier,
                batch,
                worker=worker,
                workers=workers,
                leases=leases,
                tell=tell,
                warn=say,
                check=stop.check,
            )
        except Stopped as stopped:
            say("stopped; finished shards are kept, the same command goes on.")
            return stopped.code
        finally:
            tell.close()
    say(f"worker {worker} of {workers} purified {tally.images} image(s).")
    return _end(job, npz and worker == 0, folder and worker == 0)


class _Shown:
    """Progress of the whole job, which one worker shows."""

    def __init__(self, shown: bool) -> None:
        self._shown = shown
        self._bar: Progress | None = None
        self._last = -1

    def __call__(self, done: int, total: int) -> None:
        """Says so if it is news; the first number is where the job stood."""
        if not self._shown or done == self._last:
            return
        self._bar = self._bar or Progress("purify", done, total, unit="image")
        self._bar.update(done)
        self._last = done

    def close(self) -> None:
        if self._bar:
            self._bar.close()


def check(config: Evaluation, where: Place, count: int) -> int:
    """Compares with records, source and purifier; 0 if all is right, else 1."""
    job, stream, bound = _set_up(config, where)
    job = dataclasses.replace(job, batch=fleet.load(job.out).batch)
    purifier, batch = _batched(job, bound, config.chunk)
    found = verify(job, stream, purifier, batch, count, where.seed + 1)
    for name, reason in found.damaged.items():
        print(f"damaged: {name}: {reason}")
    for name, image in found.changed.items():
        print(f"{name} was made from other images than the source holds now: {image}")
    for one, away in sorted(found.different.items(), key=str):
        wrong = "is wrong or missing" if away > 255 else f"is {away} grey levels away"
        print(f"image {one} {wrong}")
    right = found.images - len(found.different)
    print(f"{right} of {found.images} images, purified again, are the same to the bit")
    _named(found.damaged)
    return 0 if found.right() else 1


def show(out: str) -> int:
    """Prints how far the job in a folder is; 1 if a file is damaged."""
    now = statuses.status(fleet.load(os.path.expanduser(out)))
    print(statuses.words(now))
    return _named(now.damaged)


def _named(damaged: Mapping[str, str]) -> int:
    """Names the first of the damaged files; 1 if there are any, else 0."""
    for name, reason in list(damaged.items())[:1]:
        say(
            f"{len(damaged)} file(s) damaged, such as {name}: {reason}. The command "
            "that purifies makes shards and description again."
        )
    return 1 if damaged else 0


def _batched(
    job: fleet.Job, purifier: Purifier, chunk: int
) -> tuple[BatchedPurifier, int]:
    """The purifier in the batch shape of the job, and its images at once.

    As many devices are used as can be at work on one shard.
    """
    own = share(chunk)
    each = job.batch or own
    if each != own:
        say(f"the job's batch is used: {each} images on a device, and not {own}.")
    devices = jax.local_devices()[: -(-job.plan.largest() // each)]
    batch = each * len(devices)
    return fleet.batched_purifier(purifier, job.seed, batch, devices), batch


def _set_up(config: Evaluation, where: Place) -> tuple[fleet.Job, Stream, Purifier]:
    """The job, which may not have begun, its source and its purifier for one image.

    Raises:
        ValueError: images of another size than the network's, or a folder of another
            job.
    """
    made = configured.recipe(config)
    expected = configured.shape(config)
    size, channels = (expected[:2], expected[2]) if expected else (None, None)
    stream = data.open_stream(where.source, where.split, where.data_dir, channels, size)
    configured.check_size(config, stream.source, stream.shape)
    purifier = configured.purifier(config, made, where.data_dir)
    own_parts.try_purifier(made, purifier, stream.shape, config.score, config.energy)

    def build(other: Any) -> Purifier:
        return configured.purifier(config, other, where.data_dir)

    name, out = _name(where.source), place(os.path.expanduser(where.out))
    job = fleet.Job(
        out=out,
        layout=data.Layout(
            f"{name}_purified",
            stream.shape,
            stream.names,
            stream.text_ids,
            stream.extras,
        ),
        plan=fleet.plan(stream.count, where.shard_size),
        split=where.split,
        seed=where.seed,
        form=where.form,
        source={"source": name, "digest": stream.digest},
        purifier=record(out, made, purifier, build),
        weights=fingerprint(made, purifier, config.score, config.energy),
    )
    return job, stream, purifier


def _name(source: str) -> str:
    """A source's name, from its path or from what its TFDS directory says.

    >>> _name("/data/My Images/"), _name("cifar10"), _name("cifar10/3.0.2")
    ('my_images', 'cifar10', 'cifar10')
    """
    parts = [part for part in source.replace("://", "/").split("/") if part]
    while len(parts) > 1 and re.fullmatch(r"\d+\.\d+\.\d+", parts[-1]):
        parts.pop()
    stem = re.sub(r"\.(npz|parquet|tar)$", "", Path(parts[-1]).name)
    words = re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_")
    return words if words[:1].isalpha() else f"set_{words}"


def _end(job: fleet.Job, npz: bool, folder: bool) -> int:
    """Says where the set is and what is missing of it; the exit code."""
    if npz:
        archive(job, job.archive)
        say(f"all of it as arrays: {job.archive}")
    if folder:
        place_ = job.archive.with_name(f"{job.layout.name}_files")
        say(f"{files(job, place_)} of it as files: {place_}")
    missing = fleet.left_out(job)
    kept = job.plan.count - len(missing)
    say(f"{kept} of {job.plan.count} image(s) purified: {job.data}")
    for row in missing:
        print(f"left out: {row['where']}: {row['reason']}", file=sys.stderr)
    return _named(trouble(job)) or (1 if missing else 0)
