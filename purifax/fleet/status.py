"""How far a job is, read off its folder: no worker is asked."""

import json
from dataclasses import dataclass
from typing import Any

from purifax.data.files import TEMPORARY, listed
from purifax.fleet.finish import left_out
from purifax.fleet.job import Job

__all__ = ["Status", "status", "words"]


@dataclass(frozen=True)
class Status:
    """How far a job is.

    Attributes:
        shards: of the job.
        done: how many of them are.
        held: by shard, the owner of its lease and how often it was renewed. The owner
            may be dead: only who watches a lease for a while can tell.
        images: of the job, and how many of them are in done shards.
        unreadable: images left out of done shards; see `left_out`.
        finished: whether the set is complete and described.
    """

    shards: int
    done: int
    held: dict[str, str]
    images: tuple[int, int]
    unreadable: list[dict[str, Any]]
    finished: bool


def status(job: Job) -> Status:
    """How far a job is now."""
    done = job.done()
    names = {job.plan.name(shard) for shard in done}
    held = {
        path.name: _owner(path)
        for path in sorted(listed(job.leases))
        if path.name not in names and not path.name.startswith(TEMPORARY)
    }
    count = sum(len(job.plan.positions(shard)) for shard in done)
    images = (job.plan.count, count)
    return Status(
        job.plan.shards, len(done), held, images, left_out(job), job.finished()
    )


def words(found: Status) -> str:
    """A few lines: shards done, leased and left, and what was left out.

    >>> print(words(Status(8, 3, {"00003-of-00008": "host/17"}, (80, 30), [], False)))
    3 of 8 shards done (30 of 80 images), 1 leased, 4 left
    leased: 00003-of-00008 by host/17
    """
    total, count = found.images
    left = found.shards - found.done - len(found.held)
    lines = [
        f"{found.done} of {found.shards} shards done ({count} of {total} images), "
        f"{len(found.held)} leased, {left} left"
    ]
    lines += [f"leased: {name} by {owner}" for name, owner in found.held.items()]
    lines += [f"left out: {row['where']}: {row['reason']}" for row in found.unreadable]
    if found.finished:
        lines.append("the set is complete")
    return "\n".join(lines)


def _owner(path: Any) -> str:
    """Machine and process of a lease, and how often it was renewed."""
    try:
        told = json.loads(path.read_bytes())
    except (ValueError, FileNotFoundError):
        return "somebody"
    machine, process, _ = told["owner"].rsplit("/", 2)
    host = machine.partition(".")[0]
    return f"{host}, process {process}, renewed {told['renewals']} times"
