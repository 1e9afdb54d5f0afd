"""The picture of the samplers, at a fraction of its size."""

import dataclasses
import json
import types

import pytest

from experiments import mixture as command
from experiments.configs.studies import mixture_samplers
from experiments.examples import plane
from purifax.run.errors import UsageError

SMALL = dataclasses.replace(
    mixture_samplers(), points=400, calls=12, samplers=("dpm_solver", "heun")
)


def test_the_command_leaves_a_table_and_a_picture(tmp_path, capsys):
    options = types.SimpleNamespace(workdir=tmp_path)
    command.main(SMALL, options)
    summary = json.loads((tmp_path / "summary.json").read_text())
    steps = {row["name"]: row["steps"] for row in summary["samplers"]}
    assert steps == {"dpm_solver": 12, "heun": 6}
    assert (tmp_path / "samples.png").read_bytes().startswith(b"\x89PNG")
    assert "dpm_solver" in capsys.readouterr().out
    other = dataclasses.replace(SMALL, calls=14)
    with pytest.raises(ValueError, match="calls is 12 there and 14 here"):
        command.main(other, options)


def test_the_distance_tells_good_from_bad():
    """DPM-Solver++ is near chance with 12 calls; a wrong mixture is far."""
    exact, found = plane.sample(dataclasses.replace(SMALL, samplers=("dpm_solver",)))
    moved = {"right": found["dpm_solver"], "moved": found["dpm_solver"] + 0.2}
    chance = plane.summary(SMALL, exact, {}, "the command")["chance"]
    near, far = (
        max(plane.distance(x, exact, angle) for angle in plane.ANGLES)
        for x in moved.values()
    )
    assert near < 1.5 * chance < 0.3 < far


@pytest.mark.parametrize(
    "change, message",
    [
        ({"samplers": ("dimm",)}, "no sampler 'dimm'. Known: ancestral"),
        ({"calls": 1}, "calls must be 4 or more"),
        ({"last": 9.0}, "first must be more than 9"),
        ({"weights": (1.0,)}, "equally many"),
    ],
)
def test_what_cannot_be_sampled_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        plane.sample(dataclasses.replace(SMALL, **change))


@pytest.mark.parametrize("name", plane.NAMES)
def test_no_sampler_exceeds_its_calls(name):
    steps = plane.steps(name, SMALL)
    calls = {"annealed_langevin": steps + 1}.get(name, steps)
    each = plane.DESCENTS[name][1] if name in plane.DESCENTS else 1
    assert 0 < calls * each <= SMALL.calls


def test_a_refused_config_leaves_its_folder_free(tmp_path):
    options = types.SimpleNamespace(workdir=str(tmp_path / "plane"))
    with pytest.raises(UsageError, match="no sampler"):
        command.main(dataclasses.replace(SMALL, samplers=("dimm",)), options)
    assert not (tmp_path / "plane").exists()
