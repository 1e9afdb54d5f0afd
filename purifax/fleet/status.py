"""The progress of a job, read from its folder without asking a worker."""

import json
from dataclasses import dataclass
from typing import Any

from purifax.data.files import TEMPORARY, listed
from purifax.fleet.finish import left_out
from purifax.fleet.job import Job

__all__ = ["Status", "status", "words"]


@dataclass(frozen=True)
class Status:
    """The progress of a job.

    Attributes:
        shards: the number of shards.
        done: how many of them are done.
        leased: by name of the shard, the owner of its lease and how often it was
            renewed. The owner may be dead: only watching a lease for a while can tell.
        images: the number of images, and how many of them are in finished shards.
        unreadable: images left out of finished shards; see `left_out`.
        finished: whether the set is complete and its description written.
    """

    shards: int
    done: int
    leased: dict[str, str]
    images: tuple[int, int]
    unreadable: list[dict[str, Any]]
    finished: bool


def status(job: Job) -> Status:
    """The progress of a job now."""
    done = job.done()
    names = {job.plan.name(shard) for shard in done}
    leased = {
        path.name: _owner(path)
        for path in sorted(listed(job.leases))
        if path.name not in names and not path.name.startswith(TEMPORARY)
    }
    count = sum(len(job.plan.positions(shard)) for shard in done)
    images = (job.plan.count, count)
    return Status(
        job.plan.shards, len(done), leased, images, left_out(job), job.finished()
    )


def words(now: Status) -> str:
    """The progress in a few lines: shards done, leased and left, and images left out.

    >>> print(words(Status(8, 3, {"00003-of-00008": "host/17"}, (80, 30), [], False)))
    3 of 8 shards done (30 of 80 images), 1 leased, 4 left
    leased: 00003-of-00008 by host/17
    """
    total, count = now.images
    left = now.shards - now.done - len(now.leased)
    lines = [
        f"{now.done} of {now.shards} shards done ({count} of {total} images), "
        f"{len(now.leased)} leased, {left} left"
    ]
    lines += [f"leased: {name} by {owner}" for name, owner in now.leased.items()]
    lines += [f"left out: {row['where']}: {row['reason']}" for row in now.unreadable]
    if now.finished:
        lines.append("the set is complete")
    return "\n".join(lines)


def _owner(path: Any) -> str:
    """Machine and process of a lease, and how often it was renewed."""
    try:
        lease = json.loads(path.read_bytes())
    except (ValueError, FileNotFoundError):
        return "an unknown worker"
    machine, process, _ = lease["owner"].rsplit("/", 2)
    host = machine.partition(".")[0]
    return f"{host}, process {process}, renewed {lease['renewals']} times"
