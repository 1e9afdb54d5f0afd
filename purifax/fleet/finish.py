"""The end of a job: the images left out of its shards, and the set's description."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from purifax.data import DataError
from purifax.data.examples import Unreadable
from purifax.data.files import is_remote, leftovers, listed, remove, write_whole
from purifax.data.rows import count_rows
from purifax.data.write import write_info
from purifax.fleet.job import Job

__all__ = ["clear", "finish", "left_out", "note"]


def note(job: Job, shard: int, unreadable: Sequence[Unreadable]) -> None:
    """Record the images that a shard lacks, before the shard itself is written."""
    path = job.unreadable / job.plan.name(shard)
    if not unreadable:
        remove(path)
        return
    rows = sorted(unreadable, key=lambda row: row.position)
    words = [asdict(row) for row in rows]
    write_whole(path, (json.dumps(words, indent=2) + "\n").encode())


def left_out(job: Job) -> list[dict[str, Any]]:
    """Every image missing from the finished shards, and why.

    Returns:
        One entry per image: its `position` in the source, `where` it is in words, and
        the `reason`.
    """
    noted = {path.name for path in listed(job.unreadable)}
    names = {shard: job.plan.name(shard) for shard in sorted(job.done())}
    shards = [shard for shard, name in names.items() if name in noted]
    return [row for shard in shards for row in _noted(job, shard)]


def finish(job: Job) -> list[int]:
    """Write the description of a set whose shards all exist.

    Several workers may do this at once.

    Returns:
        The shards that are damaged or have a wrong number of rows. They are removed, to
        be purified again, and no description is written.
    """
    wrong = [shard for shard in range(job.plan.shards) if not _is_whole(job, shard)]
    for shard in wrong:
        remove(job.shard(shard))
    if not wrong:
        lengths = [_expected(job, shard) for shard in range(job.plan.shards)]
        words = f"{job.source.get('source', 'A source')}, purified."
        write_info(job.data, job.layout, {job.split: lengths}, words, job.words())
    return wrong


def clear(job: Job) -> None:
    """Remove the leases and unfinished files of a finished job."""
    for folder in (job.data, job.leases, job.unreadable, job.out):
        for parts in leftovers(folder).values():
            for part in parts:
                remove(part)
    for lease in listed(job.leases):
        remove(lease)


def _is_whole(job: Job, shard: int) -> bool:
    """Whether a shard has all its rows; object stores write whole files."""
    if is_remote(job.data):
        return True
    try:
        return count_rows(job.shard(shard)) == _expected(job, shard)
    except DataError:
        return False


def _expected(job: Job, shard: int) -> int:
    """The number of rows of a shard: its images except those recorded as missing."""
    return len(job.plan.positions(shard)) - len(_noted(job, shard))


def _noted(job: Job, shard: int) -> list[dict[str, Any]]:
    path = job.unreadable / job.plan.name(shard)
    return json.loads(path.read_text()) if path.exists() else []
