"""Several configs at once: all are checked first, then each run, then compared."""

from dataclasses import replace

import pytest
from absl import flags as absl_flags

from experiments import configs
from experiments.training.config import ScoreTraining
from purifax.command import flags
from purifax.evaluation import many
from purifax.evaluation.attacks import ATTACKS
from purifax.evaluation.settings import Evaluation
from purifax.report import compare as comparing
from purifax.run.errors import UsageError
from purifax.run.stop import Stopped

ONE = configs.find("digits_diffpure")
TWO = configs.find("digits_dds")


def parse(*words):
    values, kinds = absl_flags.FlagValues(), (Evaluation,)
    absl_flags.DEFINE_string("protocol", None, "", flag_values=values)
    where = {"values": values, "several": True, "package": "experiments"}
    return flags.parse(["evaluate", *words], kinds, **where)


def test_names_and_patterns_give_configs_in_their_order():
    config, _ = parse("--config=digits_dds, digits_diffpure*", "--workdir=a")
    first, *others = config
    assert first == "digits_dds" and set(others) >= {"digits_diffpure"}
    assert others == sorted(others) and all("digits_diffpure" in n for n in others)


def test_every_config_meets_every_protocol():
    config, _ = parse(
        "--config=digits_dds,digits_diffpure", "--protocol=bpda*,croce", "--workdir=a"
    )
    stems = ("digits_dds", "digits_diffpure")
    ends = ("bpda_long", "bpda_published", "croce")
    assert list(config) == [f"{stem}-{end}" for stem in stems for end in ends]
    assert list(config["digits_dds-croce"].attacks) == ["apgd_held", "apgd"]
    assert config["digits_dds-croce"].purifier == TWO.purifier


def test_one_config_under_one_protocol_has_its_usual_folder():
    config, options = parse("--config=digits_dds", "--protocol=croce")
    assert list(config.attacks) == ["apgd_held", "apgd"]
    assert options.workdir == "runs/digits_dds-croce"


def test_overrides_hold_for_all_of_them():
    config, options = parse(
        "--config=digits_dds,digits_diffpure", "--config.keys=2", "--workdir=a"
    )
    assert [one.keys for one in config.values()] == [2, 2]
    assert config["digits_dds"] == replace(TWO, keys=2)
    assert options.workdir == "a"


def test_one_name_is_one_config():
    config, options = parse("--config=digits_dds")
    assert config == TWO and options.workdir == "runs/digits_dds"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--config=digits_*"], "need --workdir"),
        (["--config=digist_*", "--workdir=a"], "no config fits 'digist_"),
        (["--config=digits_dds,digits_diffpur", "--workdir=a"], "digits_diffpure?"),
        (["--config=,", "--workdir=a"], "names nothing"),
        (["--config=digits_dds", "--protocol=crox*"], "no protocol fits"),
        (["--config=digits_dds", "--protocol=croce,crox"], "croce?"),
    ],
)
def test_a_wrong_list_is_one_clear_error(words, told):
    with pytest.raises(UsageError, match=told.replace("?", r"\?")):
        parse(*words)


def test_only_commands_that_ask_for_it_take_several():
    with pytest.raises(UsageError, match="no config is named"):
        flags.parse(
            ["train", "--config=digits_dsm,digits_ddpm"],
            (ScoreTraining,),
            values=absl_flags.FlagValues(),
        )


@pytest.mark.parametrize("change", [{"radius": 0.3}, {"threat": "L2"}])
def test_other_threats_are_refused_before_anything_is_run(change, tmp_path):
    (field,) = change
    with pytest.raises(ValueError, match=f"{field} of one is .* of two is"):
        many.run({"one": ONE, "two": replace(TWO, **change)}, tmp_path, run_none, "")


def test_a_config_that_cannot_be_run_is_refused_first(tmp_path):
    wrong = replace(TWO, purifier=None, attacks={"hammer": ATTACKS["hammer"]})
    with pytest.raises(ValueError, match="the attack hammer needs a purifier"):
        many.run({"one": ONE, "two": wrong}, tmp_path, run_none, "")


def test_each_is_run_in_its_folder_and_all_are_compared(tmp_path, monkeypatch, capsys):
    ran, compared = [], []

    def evaluate(config, folder):
        ran.append((config, folder))

    def compare(folders, out, command):
        compared.append((folders, out, command))
        (out / "comparison.md").write_text("side by side")

    monkeypatch.setattr(comparing, "compare", compare)
    many.run({"one": ONE, "two": TWO}, tmp_path, evaluate, "typed")
    assert ran == [(ONE, tmp_path / "one"), (TWO, tmp_path / "two")]
    assert compared == [([tmp_path / "one", tmp_path / "two"], tmp_path, "typed")]
    assert "side by side" in capsys.readouterr().out


def stopped(config, folder):
    raise Stopped


def test_a_stopped_run_compares_nothing(tmp_path, monkeypatch):
    monkeypatch.delattr(comparing, "compare")
    configs = {"one": ONE, "two": TWO}
    with pytest.raises(Stopped):
        many.run(configs, tmp_path, stopped, "")
    assert not list(tmp_path.iterdir())


def run_none(config, folder):
    raise AssertionError("nothing may be run")
