"""A worker that a test may kill: `python slow_worker.py OUT WORKER WORKERS [ADDRESS]`.

With the address of process 0 the workers know each other by jax's own runtime.
"""

import sys
import time

from fleet import jobs

from purifax import fleet
from purifax.fleet.start import start


def slow(words, pixels):
    """The purifier of `jobs`, at its leisure."""
    time.sleep(0.03)
    return jobs.purify(words, pixels)


if __name__ == "__main__":
    out, worker, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if sys.argv[4:]:
        start("on", sys.argv[4], workers, worker)
    stream = jobs.memory(60)
    one = jobs.job(out, stream, 6)
    options = {"worker": worker, "workers": workers, "pause": 0.1}
    print(fleet.work(one, stream, slow, 2, **options).images)
