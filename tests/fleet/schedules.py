"""Schedules of sudden death and of damage: `python schedules.py kill|damage COUNT`.

One schedule is one seed. Workers are threads with a purifier that costs nothing; see
`mortal` for how they die. After every schedule a set is right or its damage was named.
"""

import contextlib
import pathlib
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter

import numpy as np
import pytest
from fleet import jobs, mortal

from purifax import data, fleet
from purifax.data.files import listed
from purifax.fleet.lease import Leases
from purifax.fleet.status import status
from purifax.fleet.verify import verify

HOLE = 8
"""The position of an image that cannot be read."""


def quick(folder):
    """Leases that last a twentieth of a second; its clock runs fast."""
    return Leases(folder, lasting=50.0, now=lambda: time.monotonic() * 1000)


def source(count):
    return jobs.holed(count, HOLE)


def mortal_purifier(fate):
    def purify(words, pixels):
        fate.step()
        return jobs.purify(words, pixels)

    return purify


def together(one, stream, fate, moments, batch):
    """Workers beside each other; each dies at its moment, if it lives so long."""

    def run(worker, moment):
        fate.left = moment
        with contextlib.suppress(mortal.Killed):
            fleet.work(
                one,
                stream,
                mortal_purifier(fate),
                batch,
                worker=worker,
                workers=len(moments),
                leases=quick(one.leases),
                pause=0.002,
            )

    numbered = list(enumerate(moments))
    threads = [threading.Thread(target=run, args=given) for given in numbered]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def finished(one, stream, count, **options):
    """One more worker does the rest; then every image is there, once, as it must be."""
    fleet.work(
        one, stream, jobs.purify, 4, leases=quick(one.leases), pause=0.002, **options
    )
    jobs.assert_right(one, jobs.images(count).take(np.delete(np.arange(count), HOLE)))
    assert [row["position"] for row in fleet.left_out(one)] == [HOLE]
    now = status(one)
    assert (now.finished, now.damaged) == (True, {}), now


def killed(folder, fate, seed):
    """Some workers die, in one or two generations; one finishes what they left."""
    random = np.random.default_rng(seed)
    count = int(random.integers(9, 25))
    stream = source(count)
    one = jobs.job(folder, stream, int(random.integers(1, 5)))
    for _ in range(random.integers(1, 3)):
        moments = random.integers(1, 70, random.integers(1, 4))
        together(one, stream, fate, moments, int(random.integers(2, 9)))
    finished(one, stream, count)


def flip(path, random):
    content = bytearray(path.read_bytes()) or bytearray(1)
    content[random.integers(len(content))] ^= 1 << random.integers(8)
    path.write_bytes(content)


def cut(path, random):
    content = path.read_bytes()
    path.write_bytes(content[: random.integers(len(content) or 1)])


def other(path, random):
    """The content of its neighbour, or none."""
    beside = [p for p in sorted(path.parent.iterdir()) if p.is_file() and p != path]
    path.write_bytes(random.choice(beside).read_bytes() if beside else b"")


def gone(path, random):
    path.unlink()


DAMAGES = [flip, cut, other, gone]


def harmed(one, random):
    """Damages some files of a job, of any kind but leases. Returns whether its own."""
    files = [path for path in listed(one.data) if path.is_file()]
    files += [path for path in listed(one.records) if path.is_file()]
    if random.integers(8) == 0:
        files = [one.file]
    for _ in range(random.integers(1, 4)):
        path = pathlib.Path(random.choice([str(path) for path in files]))
        if path.exists():
            random.choice(DAMAGES)(path, random)
    return files == [one.file]


def damaged(folder, fate, seed):
    """Files are damaged when some shards are done, or all; one worker repairs it.

    Returns what came of it: "repaired", or "refused" where the job itself is damaged.
    """
    random = np.random.default_rng(10_000 + seed)
    count = int(random.integers(9, 25))
    stream = source(count)
    one = jobs.job(folder, stream, int(random.integers(1, 5)))
    moment = int(random.choice([30, 60, 100_000]))
    together(one, stream, fate, [moment], int(random.integers(2, 9)))
    if not one.file.exists() or not one.done():
        finished(one, stream, count)
    if harmed(one, random) and not _is_sound(one):
        with pytest.raises((ValueError, OSError), match="job.json"):
            fleet.work(one, stream, jobs.purify, 4, leases=quick(one.leases))
        return "refused"
    finished(one, stream, count)
    return "repaired"


def _is_sound(one):
    try:
        return fleet.load(one.out) == one
    except (ValueError, OSError):
        return False


def flipped(folder, fate, seed):
    """One bit of one finished shard, which status, verify and a rerun must see."""
    del fate
    random = np.random.default_rng(20_000 + seed)
    stream = source(19)
    one = jobs.job(folder, stream, 3)
    if seed % 2:
        finished(one, stream, 19)
    else:
        with contextlib.suppress(InterruptedError):
            fleet.work(one, stream, jobs.purify, 4, tell=_stop, pause=0.002)
    shard = one.shard(int(random.choice(sorted(one.done()))))
    flip(pathlib.Path(shard), random)
    assert list(status(one).damaged) == [shard.name]
    found = verify(one, stream, jobs.purify, 4, 19)
    assert list(found.damaged) == [shard.name]
    named = []
    finished(one, stream, 19, warn=named.append)
    assert len(named) == 1 and shard.name in named[0]
    assert len(data.load("tfds", "train", one.data)) == 18
    return "noticed"


def _stop(done, total):
    if done > total // 2:
        raise InterruptedError


if __name__ == "__main__":
    schedule = {"kill": killed, "damage": damaged, "flip": flipped}[sys.argv[1]]
    outcomes, start = Counter(), time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        fate = mortal.doom(patch)
        for seed in range(int(sys.argv[2])):
            folder = pathlib.Path(tempfile.mkdtemp())
            try:
                outcomes[schedule(folder, fate, seed) or "right"] += 1
            except BaseException as error:
                outcomes["WRONG"] += 1
                print(f"seed {seed}:", flush=True)
                traceback.print_exception(error, limit=-2)
            fate.left = None
            shutil.rmtree(folder)
    print(dict(outcomes), f"{time.monotonic() - start:.0f} s")
    sys.exit("WRONG" in outcomes)
