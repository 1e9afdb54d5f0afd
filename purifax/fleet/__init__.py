"""Purify large data sets with many workers that share a folder and nothing else.

    job = fleet.Job(out, layout, fleet.plan(stream.count, 1000), purifier=..., ...)
    wash = fleet.washer(purifier, seed=0, batch=256)
    fleet.work(job, stream, wash, 256, worker=0, workers=4)

An edge of the package: it reads and writes files. `start` is for what needs processes
that know each other, such as training; a worker does not.
"""

from purifax.fleet.fingerprint import Mismatch, digest
from purifax.fleet.finish import left_out
from purifax.fleet.job import Job, load
from purifax.fleet.lease import Leases, Lost
from purifax.fleet.shards import Plan, plan
from purifax.fleet.wash import key_words, washer
from purifax.fleet.worker import Tally, work

__all__ = [
    "Job",
    "Leases",
    "Lost",
    "Mismatch",
    "Plan",
    "Tally",
    "digest",
    "key_words",
    "left_out",
    "load",
    "plan",
    "washer",
    "work",
]
