"""The end of a job: the images left out of its shards, and the set's description."""

from collections.abc import Callable
from typing import Any

from purifax.data.files import TEMPORARY, leftovers, listed, remove
from purifax.fleet.job import Job
from purifax.fleet.record import Damaged, checked, hashed, kept, known
from purifax.run.seal import checksum

__all__ = [
    "clear",
    "described",
    "descriptions",
    "finish",
    "left_out",
    "reopen",
    "trouble",
]

DESCRIPTION = "description"
ENDINGS = (".json", ".labels.txt")


def left_out(job: Job) -> list[dict[str, Any]]:
    """Every image missing from the finished shards, and why.

    Returns:
        One entry per image: its `position` in the source, `where` it is in words, and
        the `reason`.

    Raises:
        Damaged: a shard is not what was recorded.
    """
    return [dict(row) for n in sorted(job.done()) for row in _missing(job, n)]


def _missing(job: Job, shard: int) -> Any:
    """The rows that a shard lacks. It is read only where it has several records."""
    records = known(job, job.plan.name(shard))
    if len(records) == 1:
        return records[0]["unreadable"]
    return checked(job, shard).unreadable


def finish(job: Job, between: Callable[[], None]) -> dict[int, str]:
    """Write the description of a set whose shards are all whole.

    Every shard is read once, to verify its checksum.

    Args:
        between: called before each shard; may raise, to stop.

    Returns:
        By shard, what is wrong with it; then no description is written.
    """
    lengths, wrong = [], {}
    for shard in range(job.plan.shards):
        between()
        try:
            missing = len(checked(job, shard).unreadable)
            lengths.append(len(job.plan.positions(shard)) - missing)
        except Damaged as error:
            wrong[shard] = str(error)
    if not wrong:
        words = f"{job.source.get('source', 'A source')}, purified."
        of = {job.split: lengths}
        job.written.info(job.data, job.layout, of, words, job.words())
        files = _description(job)
        kept(job, DESCRIPTION, checksum(files), {"files": files})
    return wrong


def described(job: Job) -> bool:
    """Whether the set is described, by the files that were recorded."""
    there, written = _description(job), [one["files"] for one in descriptions(job)]
    return job.finished() and any(files.items() <= there.items() for files in written)


def descriptions(job: Job) -> list[dict[str, Any]]:
    """The records of the description, of which a set that was complete has some."""
    return known(job, DESCRIPTION)


def _description(job: Job) -> dict[str, str]:
    """By name, the checksums of the files of the set that are no shards."""
    found = [path for path in listed(job.data) if path.name.endswith(ENDINGS)]
    whole = [path for path in found if not path.name.startswith(TEMPORARY)]
    return {path.name: hashed(path) for path in sorted(whole)}


def trouble(job: Job) -> dict[str, str]:
    """By name of a file, what is wrong with the description and the .npz.

    Before the set is complete there is no description, and nothing wrong with that. An
    .npz that was removed is not missed.
    """
    wrong, found = "it is not the file that was written", {}
    if descriptions(job) and not described(job):
        there, written = _description(job), descriptions(job)[-1]["files"]
        changed = (name for name in written if there.get(name) != written[name])
        found = {name: wrong if name in there else "it is missing" for name in changed}
    path = job.archive
    sums = {one["sha256"] for one in known(job, path.name)}
    if sums and path.exists() and hashed(path) not in sums:
        found[path.name] = f"{wrong}; --npz writes it again"
    return found


def reopen(job: Job) -> None:
    """Remove the description: the set is not complete while a shard is made again."""
    remove(job.info)


def clear(job: Job) -> None:
    """Remove the leases and unfinished files of a finished job."""
    for folder in (job.data, job.leases, job.records):
        for parts in leftovers(folder).values():
            for part in parts:
                remove(part)
    for lease in listed(job.leases):
        remove(lease)
