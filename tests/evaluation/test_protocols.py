"""Protocols: named ways to attack, put in front of any evaluation config."""

import importlib
import json

import pytest
from absl import flags as absl_flags

from experiments import configs
from purifax.attack import SPSA
from purifax.command import flags
from purifax.evaluation.settings import Evaluation
from purifax.run import lookup

PROTOCOLS = lookup.protocols()
PUBLISHED = {
    # name: attack, and the budget its source states.
    "blind_pgd": ("blind", {"steps": 40}),
    "bpda_published": ("vote", {"steps": 40, "eot": 15}),
    "bpda_long": ("bpda", {"steps": 100, "eot": 15}),
    "croce": ("apgd_held", {"steps": 10, "eot": 200, "loss": "margin"}),
    "lee_kim": ("exact", {"steps": 200, "eot": 20, "start": "image"}),
    "diffhammer": ("hammer", {"steps": 50, "eot": 10}),
    "autoattack_standard": ("autoattack_standard", {"steps": 100, "queries": 5000}),
    "autoattack_rand": ("autoattack_rand", {"steps": 100, "eot": 20}),
    "full": ("exact", {"steps": 200, "eot": 20, "candidates": 10}),
    "diffbreak": ("apgd", {"steps": 100, "eot": 10, "loss": "margin"}),
}


def parse(*words):
    values = absl_flags.FlagValues()
    absl_flags.DEFINE_string("protocol", None, "", flag_values=values)
    absl_flags.DEFINE_bool("list_protocols", False, "", flag_values=values)
    words = ["evaluate", *words]
    return flags.parse(words, (Evaluation,), values=values, package="experiments")


@pytest.mark.parametrize("name", PROTOCOLS.names())
def test_a_protocol_can_be_run_and_says_what_it_costs(name):
    config, _ = parse("--config=digits_adp", f"--protocol={name}")
    config.check()
    assert config.attacks
    assert config.images == configs.find("digits_adp").images
    doc = importlib.import_module(f"purifax.evaluation.protocols.{name}").__doc__
    assert f"--protocol={name}" in doc
    assert "Cost an image:" in doc


@pytest.mark.parametrize("name", PUBLISHED)
def test_budgets_are_the_published_ones(name):
    attack, budget = PUBLISHED[name]
    config, _ = parse("--config=digits_adp", f"--protocol={name}")
    assert attack in config.attacks
    assert {k: getattr(config.attacks[attack], k) for k in budget} == budget


def test_a_protocol_has_its_own_work_directory():
    _, options = parse("--config=digits_adp", "--protocol=croce")
    assert options.workdir == "runs/digits_adp-croce"


def test_what_is_typed_wins_over_the_protocol():
    words = ("--config=digits_adp", "--protocol=croce", "--config.attacks.apgd.eot=2")
    config, _ = parse(*words)
    found = config.attacks
    assert (found["apgd"].eot, found["apgd_held"].eot) == (2, 200)


def test_a_wrong_name_is_answered_with_the_nearest():
    with pytest.raises(flags.UsageError, match=r"'croca'; did you mean croce\?"):
        parse("--config=digits_adp", "--protocol=croca")


def test_a_protocol_of_ones_own(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "import dataclasses\n"
        "from purifax.attack import SPSA\n"
        "def protocol(config):\n"
        "    return dataclasses.replace(config, attacks={'mine': SPSA()})\n"
    )
    config, options = parse("--config=digits_adp", f"--protocol={path}")
    assert config.attacks == {"mine": SPSA()}
    assert options.workdir == "runs/digits_adp-mine"


def test_protocols_are_listed_with_their_first_lines(capsys):
    assert parse("--list_protocols") is None
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == PROTOCOLS.names()
    assert json.dumps(lines).count("PGD") >= 3
    assert set(PUBLISHED) == set(PROTOCOLS.names())
