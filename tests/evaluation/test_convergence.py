"""Whether an attack has converged: iterates, draws, restarts, and what is said."""

import dataclasses
import json

import numpy as np
import pytest
from small import evaluation, train

from purifax.command import evaluate as command
from purifax.evaluation import convergence
from purifax.evaluation import engine as driver
from purifax.evaluation.settings import Surface
from purifax.purify import DiffPure
from purifax.report import checklist
from purifax.report.types import curve
from purifax.run.stop import Stop

ASKED = Surface(steps=(1, 2), eot=(1, 2), restarts=(1, 2), images=8)

pytestmark = pytest.mark.xdist_group("evaluations")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return train(tmp_path_factory.mktemp("networks"))


@pytest.fixture(scope="module")
def finished(root):
    config = evaluation(root, surface=ASKED, probed=3, pictured=0)
    command.evaluate(config, root / "whole", None, "the command")
    return root / "whole"


def parts(folder):
    found = {}
    for path in folder.glob("parts/*"):
        with np.load(path) as stored:
            found[path.name] = {name: stored[name] for name in stored.files}
    return found


def test_every_line_is_in_the_summary_and_drawn(finished):
    summary = json.loads((finished / "summary.json").read_text())
    found = [(c["picture"], c["name"], c["x"]) for c in summary["curves"]]
    assert ("iterations", "EOT 1", [1, 2]) in found
    assert ("iterations", "EOT 2", [1, 2]) in found
    assert ("restarts", "best start", [1, 2]) in found
    for kind in ("iterations", "restarts"):
        assert (finished / f"accuracy_vs_{kind}.png").stat().st_size > 0
    assert {len(values) for values in summary["probe"].values()} == {3}


def test_fewer_iterations_are_the_beginning_of_more(finished, root):
    less = dataclasses.replace(ASKED, steps=(1,), eot=(2,), restarts=())
    config = evaluation(root, surface=less)
    work = driver.set_up(config, root / "less", None)
    with Stop() as stop:
        assert convergence.run(work, stop) is not None
    name = "iterations-exact-EOT2-0.npz"
    short, long = parts(root / "less")[name], parts(finished)[name]
    np.testing.assert_array_equal(short["classes"][:, 0], long["classes"][:, 0])
    assert long["classes"].shape == (8, 2, 2)


def test_a_surface_stops_and_resumes(root):
    config = evaluation(root, surface=dataclasses.replace(ASKED, restarts=()))
    work = driver.set_up(config, root / "stopped", None)
    with Stop() as stop:
        stop.asked = True
        assert convergence.run(work, stop) is None
    with Stop() as stop:
        first = convergence.run(work, stop)
        assert convergence.run(work, stop) == first


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        ("exactt", "surface.attack is 'exactt'; it must be a PGD attack: blind, "),
        ("square", "surface.attack is 'square'; it must be a PGD attack: blind, "),
        ("held", "the attack held freezes adaptive step sizes, and this purifier has"),
    ],
)
def test_a_surface_is_of_a_pgd_attack_that_fits(root, attack, words):
    asked = dataclasses.replace(ASKED, attack=attack)
    config = evaluation(root, purifier=DiffPure(), surface=asked)
    with pytest.raises(ValueError, match=words):
        config.check()


def line(name, values, picture="iterations", x=(1, 2, 4)):
    outcomes = np.arange(400)[:, None] < 400 * np.array(values)
    return curve(picture, name, x, outcomes, gradient="exact")


def said(*lines):
    return {c["name"]: c for c in checklist.converged(lines)}


def test_a_plateau_passes_and_a_slope_stays_open():
    found = said(line("EOT 1", (0.8, 0.5, 0.49)), line("EOT 8", (0.8, 0.5, 0.4)))
    assert found["More iterations do not raise accuracy (EOT 1)"]["status"] == "pass"
    assert found["More iterations do not raise accuracy (EOT 8)"]["status"] == "open"
    draws = found["More EOT samples do not raise accuracy"]
    assert draws["status"] == "open" and "49.0% at 1, 40.0% at 8" in draws["text"]


def test_accuracy_that_rises_is_a_warning():
    found = said(line("best start", (0.4, 0.8), "restarts", (1, 2)))
    (check,) = found.values()
    assert check["status"] == "warning" and "40.0% at 1, 80.0% at 2" in check["text"]


def test_without_a_surface_nothing_is_claimed():
    (check,) = said().values()
    assert check["status"] == "not run"
