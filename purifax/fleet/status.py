"""The progress of a job, read from its folder without asking a worker.

Every shard that is written is read, to verify its checksum.
"""

from dataclasses import dataclass, field
from typing import Any

from purifax.data.files import listed
from purifax.fleet.finish import described, descriptions, trouble
from purifax.fleet.job import Job
from purifax.fleet.record import Damaged, checked
from purifax.run import json_text

__all__ = ["Status", "look", "status", "words"]


@dataclass(frozen=True)
class Status:
    """The progress of a job.

    Attributes:
        shards: the number of shards.
        done: how many of them are done, and whole.
        leased: by name of the shard, the owner of its lease and how often it was
            renewed. The owner may be dead: only watching a lease for a while can tell.
        images: the number of images, and how many of them are in finished shards.
        unreadable: images left out of finished shards; see `left_out`.
        finished: whether the set is complete and its description written.
        damaged: by name of the file, what is wrong with it.
    """

    shards: int
    done: int
    leased: dict[str, str]
    images: tuple[int, int]
    unreadable: list[dict[str, Any]]
    finished: bool
    damaged: dict[str, str] = field(default_factory=dict)


def look(job: Job) -> tuple[dict[int, Any], dict[str, str]]:
    """The records of the shards that are whole, and by file what is wrong.

    A shard that is not there is missing where the set was complete before, and
    otherwise not made yet.
    """
    complete = job.finished() or descriptions(job)
    wanted = range(job.plan.shards) if complete else sorted(job.files())
    sound, damaged = {}, {}
    for shard in wanted:
        try:
            sound[shard] = checked(job, shard)
        except Damaged as error:
            damaged[job.shard(shard).name] = str(error)
    return sound, damaged | trouble(job)


def status(job: Job) -> Status:
    """The progress of a job now."""
    sound, damaged = look(job)
    names = {job.plan.name(shard) for shard in sound}
    leased = {
        path.name: _owner(path)
        for path in sorted(listed(job.leases))
        if job.plan.number(path.name) is not None and path.name not in names
    }
    count = sum(len(job.plan.positions(shard)) for shard in sound)
    missing = [dict(row) for one in sound.values() for row in one.unreadable]
    finished = len(sound) == job.plan.shards and described(job)
    shards, images = job.plan.shards, (job.plan.count, count)
    return Status(shards, len(sound), leased, images, missing, finished, damaged)


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
    lines += [f"damaged: {name}: {reason}" for name, reason in now.damaged.items()]
    if now.damaged:
        lines.append("the command that purifies makes damaged files again")
    elif now.finished:
        lines.append("the set is complete")
    return "\n".join(lines)


def _owner(path: Any) -> str:
    """Machine and process of a lease, and how often it was renewed."""
    try:
        lease = json_text.read(path, dict)
        machine, process, _ = lease["owner"].rsplit("/", 2)
        host = machine.partition(".")[0]
        return f"{host}, process {process}, renewed {lease['renewals']} times"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "an unknown worker"
