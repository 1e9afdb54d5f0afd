"""What a worker looks at before it starts: shards that are done, and their source."""

from collections.abc import Callable, Iterable

from purifax.data.examples import Stream
from purifax.data.files import remove
from purifax.fleet.content import changes
from purifax.fleet.fingerprint import Mismatch
from purifax.fleet.finish import trouble
from purifax.fleet.job import Job
from purifax.fleet.record import Damaged, checked

__all__ = ["inspect"]


def inspect(
    job: Job,
    shards: Iterable[int],
    stream: Stream,
    warn: Callable[[str], None],
    check: Callable[[], None],
) -> set[int]:
    """Compare shards with their records and with the source, which are both read.

    A shard that lacks images which can be read now is removed, to be made again.

    Args:
        warn: called with a sentence about what is found.
        check: called before each shard; may raise, to stop.

    Returns:
        The shards that are damaged.

    Raises:
        Mismatch: a shard was made from other images than the source holds now.
    """
    for name, reason in trouble(job).items():
        warn(f"{name}: {reason}.")
    damaged = set()
    for shard in shards:
        check()
        path = job.shard(shard)
        try:
            found = changes(job, shard, checked(job, shard), stream)
        except Damaged:
            damaged.add(shard)  # named by the worker that makes it again
            continue
        if found.other:
            raise Mismatch(
                f"{path} was made from other images than {stream.source} holds now, "
                f"such as {found.other[0]}; put them back, or give another folder."
            )
        if found.lost:
            warn(f"{path.name}: {found.lost[0]} cannot be read any more.")
        if found.readable:
            warn(f"{path.name}: {found.readable[0]} can be read now; made again.")
            remove(path)
            remove(job.archive)  # it lacks the same images
    return damaged
