"""Workers that die at any moment, and files that are damaged: nothing lost or doubled.

The slow tests run 1,000 schedules of death, 200 of damage and 200 flipped bits.
"""

import pytest
from fleet import mortal, schedules


@pytest.fixture
def fate(monkeypatch):
    return mortal.doom(monkeypatch)


@pytest.mark.parametrize("schedule", range(36))
def test_workers_may_die_at_any_moment(tmp_path, fate, schedule):
    schedules.killed(tmp_path, fate, schedule)


@pytest.mark.parametrize("schedule", range(24))
def test_damaged_files_are_made_again_or_named(tmp_path, fate, schedule):
    assert schedules.damaged(tmp_path, fate, schedule) in ("repaired", "refused")


@pytest.mark.parametrize("schedule", range(16))
def test_a_flipped_bit_of_a_shard_is_noticed(tmp_path, fate, schedule):
    assert schedules.flipped(tmp_path, fate, schedule) == "noticed"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schedule", "seeds"),
    [
        (schedules.killed, range(36, 1000)),
        (schedules.damaged, range(24, 200)),
        (schedules.flipped, range(16, 200)),
    ],
)
def test_many_schedules(tmp_path, fate, schedule, seeds):
    for seed in seeds:
        schedule(tmp_path / str(seed), fate, seed)
        fate.left = None
