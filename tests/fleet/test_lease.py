"""Leases between workers whose clocks have nothing to do with each other."""

import json
import subprocess
import sys

import pytest

from purifax.fleet.lease import Leases, Lost, identity


class Clock:
    """A worker's own clock: its zero and its speed are its own business."""

    def __init__(self, zero=0.0, speed=1.0):
        self.zero, self.speed, self.true = zero, speed, 0.0

    def __call__(self):
        return self.zero + self.speed * self.true


@pytest.fixture
def pair(tmp_path):
    """Two workers; the second one's clock is years behind and a little slow."""
    clocks = Clock(1e9), Clock(-5.0, 0.9)
    names = "far/1/aa", "away/1/bb"
    workers = [
        Leases(tmp_path, name, lasting=100.0, now=clock)
        for name, clock in zip(names, clocks, strict=True)
    ]

    def wait(seconds):
        for clock in clocks:
            clock.true += seconds

    return *workers, wait


def test_a_lease_has_one_owner(pair):
    first, second, _ = pair
    assert first.claim("s")
    assert not second.claim("s")
    first.release("s")
    assert second.claim("s")
    assert not first.claim("s")


def test_a_renewed_lease_is_kept_for_ever(pair):
    first, second, wait = pair
    assert first.claim("s")
    for _ in range(20):
        wait(40)
        first.renew("s")
        assert not second.claim("s")


def test_a_silent_one_is_taken_over_after_its_time_by_the_others_clock(pair):
    first, second, wait = pair
    assert first.claim("s")
    wait(1000)
    assert not second.claim("s"), "it was not watched before"
    wait(100)
    assert not second.claim("s"), "90 seconds by its own clock"
    wait(15)
    assert second.claim("s")


def test_who_was_paused_past_its_lease_is_told(pair):
    first, second, wait = pair
    assert first.claim("s") and not second.claim("s")
    wait(150)
    assert second.claim("s")
    with pytest.raises(Lost):
        first.renew("s")
    first.release("s")
    wait(50)
    second.renew("s")


def test_renewals_are_seldom_written(pair, tmp_path):
    first, _, wait = pair
    assert first.claim("s")
    for _ in range(50):
        wait(1)
        first.renew("s")
    assert json.loads((tmp_path / "s").read_bytes())["renewals"] == 2


def test_a_dead_process_of_this_machine_has_none(tmp_path):
    program = (
        "import sys; from purifax.fleet.lease import Leases; "
        "assert Leases(sys.argv[1]).claim('s')"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    assert (tmp_path / "s").exists()
    assert Leases(tmp_path).claim("s")
    assert not Leases(tmp_path).claim("s"), "this process lives"


def test_what_a_dead_claimer_left_is_cleared_up(tmp_path):
    (tmp_path / "tmp.123.s").write_bytes(b"half")
    (tmp_path / "tmp.456.t").write_bytes(b"another's")
    assert Leases(tmp_path).claim("s")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s", "tmp.456.t"]


def test_no_two_are_called_the_same():
    assert identity() != identity()
