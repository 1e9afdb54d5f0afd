"""The quickstart at a fraction of its size; `test_guides` reads the README."""

import dataclasses
import json
import pathlib
import runpy
import types

import pytest
from absl import flags
from small import classifier_training, score_training, tiny

import experiments
from experiments import configs, quickstart
from purifax.command import flags as flagslib

pytestmark = pytest.mark.xdist_group("evaluations")

ROOT = pathlib.Path(experiments.__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """runs/quickstart in a folder of its own, made by the command itself."""
    home = tmp_path_factory.mktemp("home")
    small = {"digits_dsm": score_training(), "digits_classifier": classifier_training()}
    budgets = {name: tiny(name) for name in ("blind", "bpda", "exact")}
    config = configs.find("digits_adp")
    config = dataclasses.replace(
        config,
        images=dataclasses.replace(config.images, count=16),
        purifier=dataclasses.replace(config.purifier, steps=2),
        samples=2,
        keys=2,
        chunk=8,
        sweep=(),
        swept=(),
        probed=2,
        attacks=budgets,
    )
    options = types.SimpleNamespace(workdir=home / "runs/quickstart", data_dir=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setattr(configs, "find", lambda name, kinds: small[name])
        quickstart.main(config, options)
    return home


def test_the_summary_has_every_attack_on_both_models(folder):
    path = folder / "runs/quickstart/evaluation/summary.json"
    summary = json.loads(path.read_text())
    rows = {(row["model"], row["attack"]) for row in summary["attacks"]}
    models = ("undefended", "defended", "one run")
    attacks = ("no attack", "blind PGD", "BPDA+EOT", "exact PGD+EOT")
    alone = {("noise alone", attack) for attack in ("no attack", attacks[-1])}
    assert rows == {(m, a) for m in models for a in attacks} | alone
    assert summary["seconds"] > 0


def test_the_real_config_is_large_enough():
    config = configs.find("digits_adp")
    assert config.images.count >= 300 and config.images.split == "test"
    assert tuple(config.attacks) == ("blind", "bpda", "exact")
    assert config.radius == 0.15


def test_its_work_directory_is_the_one_of_the_readme(monkeypatch):
    called = []
    monkeypatch.setattr(flagslib, "run", lambda *given: called.append(given))
    runpy.run_path(str(quickstart.__file__), run_name="__main__")
    (_, kinds, default, folder), values = called[0], flags.FlagValues()
    assert folder == "runs/quickstart" and folder in README
    where = {"values": values, "package": "experiments"}
    config, options = flagslib.parse(["x"], kinds, default, folder, **where)
    assert options.workdir == folder and config == configs.find("digits_adp")
