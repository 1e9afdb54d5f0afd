"""Purify large data sets with many workers that share a folder and nothing else.

    job = fleet.Job(out, layout, fleet.plan(stream.count, 1000), purifier=..., ...)
    purify = fleet.batched_purifier(purifier, seed=0, batch=256)
    fleet.work(job, stream, purify, 256, worker=0, workers=4)

Every worker runs these lines. The set is cut into shards; a worker claims a shard by a
lease, purifies it, writes its file in one step and takes the next. `left_out` names the
images that could not be purified.

An edge of the package: it reads and writes files. `purifax.fleet.start` is for programs
whose processes must know each other, such as training; workers need not.
"""

from purifax.fleet.fingerprint import Mismatch
from purifax.fleet.finish import left_out
from purifax.fleet.job import Job, load
from purifax.fleet.purify_batch import batched_purifier
from purifax.fleet.shards import plan
from purifax.fleet.worker import work

__all__ = [
    "Job",
    "Mismatch",
    "batched_purifier",
    "left_out",
    "load",
    "plan",
    "work",
]
