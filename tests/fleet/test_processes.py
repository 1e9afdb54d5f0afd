"""Workers that are processes, and SIGKILL."""

import os
import pathlib
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from fleet import jobs

from purifax import fleet

pytestmark = pytest.mark.multihost
TESTS = pathlib.Path(__file__).parent.parent
PROGRAM = pathlib.Path(__file__).parent / "slow_worker.py"


def begin(out, worker, workers, *address):
    paths = [str(TESTS), os.environ.get("PYTHONPATH", "")]
    known = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "XLA_FLAGS": ""}
    command = [sys.executable, str(PROGRAM), str(out), str(worker), str(workers)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*command, *address], env=known, text=True, **pipes)


def wait_for(met, seconds=60):
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_processes_share_the_work(tmp_path):
    workers = [begin(tmp_path, n, 2) for n in range(2)]
    images = [int(one.communicate(timeout=120)[0]) for one in workers]
    assert [one.returncode for one in workers] == [0, 0]
    assert sum(images) == 60
    jobs.assert_right(jobs.job(tmp_path, jobs.memory(60), 6), jobs.images(60))


@pytest.mark.parametrize("schedule", range(20))
def test_a_killed_process_loses_nothing(tmp_path, schedule):
    """One of two dies at some moment, then the other; a third does the rest."""
    random = np.random.default_rng(schedule)
    one = jobs.job(tmp_path, jobs.memory(60), 6)
    workers = [begin(tmp_path, n, 2) for n in range(2)]
    wait_for(lambda: one.leases.exists() and len(list(one.leases.iterdir())) > 0)
    for worker in workers:
        time.sleep(random.uniform(0, 0.4))
        worker.kill()
        worker.communicate(timeout=60)
    assert not one.finished()
    left = 6 - len(one.done())
    assert fleet.work(one, jobs.memory(60), jobs.purify, 7).shards == left
    jobs.assert_right(one, jobs.images(60))


def test_a_killed_process_of_three_that_know_each_other(tmp_path):
    """It does not end the others, where jax can; who comes later does the rest.

    The others are killed too, once they have done a shard after its death: how the
    runtime itself ends without one of its processes is not what is asked here.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    one = jobs.job(tmp_path, jobs.memory(60), 6)
    workers = [begin(tmp_path, n, 3, address) for n in range(3)]
    wait_for(lambda: one.leases.exists() and len(list(one.leases.iterdir())) == 3)
    workers[2].kill()
    done = len(one.done())
    wait_for(lambda: len(one.done()) > done)
    assert [worker.poll() for worker in workers[:2]] in ([None, None], [0, 0])
    for worker in workers:
        worker.kill()
        worker.communicate(timeout=60)
    fleet.work(one, jobs.memory(60), jobs.purify, 7)
    jobs.assert_right(one, jobs.images(60))
