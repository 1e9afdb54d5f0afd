"""A sweep: every combination once, in its own folder, then one table of all."""

import csv
import json
from dataclasses import replace

import pytest

from purifax.attack import SignVote
from purifax.evaluation import sweep
from purifax.evaluation.settings import Evaluation, Subjects
from purifax.purify import ADP
from purifax.run import config as configlib
from purifax.run import workdir
from purifax.run.errors import UsageError
from purifax.run.stop import Stopped

CONFIG = Evaluation(
    images=Subjects(name="digits", count=300),
    score="runs/digits_dsm",
    classifier="runs/digits_classifier",
    purifier=ADP(sigma=0.25, level=0.25, rate=0.8, largest=0.25, steps=3),
)


def entry(model, attack, accuracy):
    told = {"value": accuracy, "interval": [accuracy - 0.1, accuracy + 0.1]}
    return {
        "model": model,
        "attack": attack,
        "gradient": "exact",
        "threat": "Linf",
        "radius": 0.15,
        "attacked": {"average": told, "every_key": {"value": accuracy - 0.2}},
        "images": 10,
        "keys": 3,
        "cost": {"network_evaluations": 7, "seconds": 0.5},
    }


def pretend(config, folder):
    """Writes the summary of an evaluation whose accuracy is one minus sigma."""
    folder.mkdir(parents=True)
    workdir.claim(folder, config)
    sigma = config.purifier.sigma
    entries = [entry("undefended", "PGD", 0.2), entry("defended", "PGD", 1 - sigma)]
    workdir.write_json(folder / "summary.json", {"attacks": entries})
    return True


def test_a_grid_has_every_combination_in_order():
    points = sweep.grid(CONFIG, ["purifier.sigma=0.1,0.2", "purifier.steps=2, 3"])
    found = [(p.config.purifier.sigma, p.config.purifier.steps) for p in points]
    assert found == [(0.1, 2), (0.1, 3), (0.2, 2), (0.2, 3)]
    assert points[0].name == "purifier.sigma=0.1,purifier.steps=2"
    assert points[0].config.seed == points[3].config.seed == CONFIG.seed


def test_values_with_slashes_name_one_folder():
    (point,) = sweep.grid(CONFIG, ["score=runs/mine"])
    assert point.config.score == "runs/mine"
    assert point.name == "score=runs_mine"


@pytest.mark.parametrize(
    ("sweeps", "words"),
    [
        (["purifier.sigma"], "has no values"),
        (["purifier.sigma=,"], "has no values"),
        (["purifier.sigma=0.1", "purifier.sigma=0.2"], "twice"),
        (["purifier.sigme=0.1"], "did you mean --config.purifier.sigma"),
        (["purifier.steps=two"], "'two' is not of type int"),
    ],
)
def test_a_wrong_sweep_is_one_clear_error(sweeps, words):
    with pytest.raises(UsageError, match=words):
        sweep.grid(CONFIG, sweeps)


def test_all_points_are_checked_before_the_first_is_run(tmp_path):
    with pytest.raises(ValueError, match=r"ADP\.steps"):
        sweep.run(CONFIG, ["purifier.steps=2,-1"], tmp_path, pretend)
    signs = replace(CONFIG, attacks={"vote": SignVote()})
    with pytest.raises(ValueError, match="vote takes the threat Linf; got L2"):
        sweep.run(signs, ["threat=Linf,L2"], tmp_path, pretend)
    assert not list(tmp_path.iterdir())


def test_a_sweep_gathers_what_its_points_found(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    sweep.run(CONFIG, ["purifier.sigma=0.1,0.3"], tmp_path, pretend)
    with (tmp_path / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    found = {(r["purifier.sigma"], r["model"]): float(r["accuracy"]) for r in rows}
    assert found == {
        ("0.1", "undefended"): 0.2,
        ("0.1", "defended"): 0.9,
        ("0.3", "undefended"): 0.2,
        ("0.3", "defended"): 0.7,
    }
    told = json.loads((tmp_path / "sweep.json").read_text())
    assert told["config"] == json.loads(json.dumps(configlib.encode(CONFIG)))
    assert len(told["rows"]) == 4
    assert (tmp_path / "sweep.png").stat().st_size > 1000
    printed = capsys.readouterr().out
    assert "90.0 [80.0, 100.0]" in printed and "20.0" not in printed


def test_a_stopped_sweep_writes_no_table(tmp_path):
    def stopped(config, folder):
        raise Stopped

    with pytest.raises(Stopped):
        sweep.run(CONFIG, ["purifier.sigma=0.1,0.3"], tmp_path, stopped)
    assert not list(tmp_path.iterdir())
    assert not (tmp_path / "sweep.csv").exists()
