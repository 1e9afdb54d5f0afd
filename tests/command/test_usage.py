"""`--help`: flags, and each field of the config with its value and its line of help."""

import dataclasses
import importlib
import pathlib
import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import pytest
from absl import flags as absl_flags

import experiments
from experiments.training.config import ScoreTraining
from purifax.command import flags, usage
from purifax.purify.adp import ADP
from purifax.recipe.help_text import help_lines
from purifax.recipe.kinds import ATTACK, PURIFIER
from purifax.run import config as configlib

ROOT = pathlib.Path(experiments.__file__).parent


def config_types():
    """The dataclasses of all modules that are called `config` and the like."""
    for path in sorted(ROOT.glob("*/config*.py")):
        name = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
        for thing in vars(importlib.import_module(name)).values():
            if dataclasses.is_dataclass(thing) and thing.__module__ == name:
                yield thing


@pytest.mark.parametrize("cls", list(config_types()), ids=lambda cls: cls.__name__)
def test_every_field_of_every_config_type_has_its_line(cls):
    lines = help_lines(cls)
    fields = [field.name for field in dataclasses.fields(cls)]
    assert sorted(lines) == sorted(fields)
    assert all(line.endswith(".") and len(line) > 6 for line in lines.values())


@dataclass(frozen=True)
class Toy:
    """A toy.

    Attributes:
        keys: fresh keys under which
            every answer is given.
        widths, depths: of the layers.
        purifier: what purifies.
        attacks: by name.
    """

    kind: ClassVar[str] = "toy"

    keys: int = 5
    widths: tuple[int, ...] = (8, 16)
    depths: tuple[int, ...] | None = None
    purifier: Annotated[Any, PURIFIER] = ADP(sigma=0.25)
    attacks: Annotated[Any, ATTACK] = dataclasses.field(
        default_factory=lambda: {"mine": ADP(steps=3)}
    )


def test_fields_have_values_and_lines():
    rows = {name: (value, line) for name, value, line in usage.fields(Toy())}
    assert rows["keys"] == ("5", "fresh keys under which every answer is given.")
    assert rows["widths"] == ("8,16", "of the layers.")
    assert rows["depths"] == ("none", "of the layers.")
    assert rows["purifier"] == ("ADP", "what purifies.")
    line = help_lines(ADP)["sigma"]
    assert rows["purifier.sigma"] == ("0.25", line) and line
    assert rows["attacks"] == ("mine", "by name.")
    assert rows["attacks.mine"][0] == "ADP" and rows["attacks.mine"][1]
    assert rows["attacks.mine.steps"][0] == "3"


def answer(capsys, *words, kinds=(ScoreTraining,), **more):
    where = {"values": absl_flags.FlagValues(), "package": "experiments"}
    assert flags.parse(["x", *words], kinds, **where | more) is None
    return capsys.readouterr().out


def test_help_shows_the_fields_of_the_config_with_their_values(capsys):
    out = answer(
        capsys, "--help", "--config=digits_dsm", "--config.train.steps=7", doc="Trains."
    )
    assert out.startswith("Trains.\n") and "Fields of the config" in out
    shown = dict(re.findall(r"^  --config\.([\w.]+)=(\S*)", out, re.M))
    config, _ = flags.parse(
        ["x", "--config=digits_dsm", "--config.train.steps=7"],
        (ScoreTraining,),
        values=absl_flags.FlagValues(),
        package="experiments",
    )
    assert shown.keys() == {name for name, *_ in configlib.leaves(config)}
    assert shown["train.steps"] == "7" and shown["net.widths"] == "64"
    assert "images in a step." in out


def test_every_line_that_is_shown_can_be_typed(capsys):
    out = answer(capsys, "--help", "--config=digits_dsm")
    words = re.findall(r"^  (--config\.\S+)", out, re.M)
    values = {"values": absl_flags.FlagValues(), "package": "experiments"}
    typed = ["x", "--config=digits_dsm", *words]
    config, _ = flags.parse(typed, (ScoreTraining,), **values)
    values = {"values": absl_flags.FlagValues(), "package": "experiments"}
    plain, _ = flags.parse(typed[:2], (ScoreTraining,), **values)
    assert config == plain


def test_help_without_a_config_says_how_to_see_its_fields(capsys):
    out = " ".join(answer(capsys, "--help").split())
    assert "--help --config=NAME lists them" in out and "Fields of" not in out
    assert "Fields of" in answer(capsys, "-h", default="digits_dsm")


def test_help_of_a_command_without_a_config_speaks_of_none(capsys):
    out = answer(capsys, "--help", kinds=())
    assert "--config" not in out and "--debug" in out


def test_lines_are_no_wider_than_a_terminal(capsys):
    out = answer(capsys, "--help", "--config=digits_dsm")
    assert max(map(len, out.splitlines())) <= 88
