"""The program `purifax` and its verbs, and the list of this clone's commands."""

import ast
import json
import os
import pathlib
import subprocess
import sys

import commands
import numpy as np
import pytest
from absl import flags

import experiments
import purifax
from experiments import __main__ as listing
from experiments import configs
from purifax import __main__ as program
from purifax import weights
from purifax.command import cards, trust
from purifax.command import flags as flagslib
from purifax.evaluation.settings import Evaluation
from purifax.run.errors import UsageError

COMMANDS = pathlib.Path(purifax.__file__).parent / "command"
ADVISED = [name for name in weights.names() if weights.card(name)["purify"]]


def test_help_lists_the_verbs_with_their_first_lines(capsys, monkeypatch):
    for word in ("--help", "-h", "help"):
        monkeypatch.setattr(sys, "argv", ["purifax", word])
        program.main()
        lines = capsys.readouterr().out.splitlines()
        rows = dict(ln.split(maxsplit=1) for ln in lines if ln.startswith("  "))
        assert tuple(rows) == program.VERBS and all(rows.values())
        assert rows["evaluate"].startswith("Evaluate a classifier")


ROWS = [
    ("evalute", 2, "'evalute' is no verb; did you mean evaluate?"),
    ("evaluate --config.purifier=adb", 2, "no purifier is named 'adb'; did you mean"),
    ("evaluate --config=digits_adp", 2, "no config is named 'digits_adp'; give a"),
    ("evaluate --config=none.py", 2, "there is no config file none.py"),
    ("evaluate --config=none.py:small", 2, "there is no config file none.py"),
    ("evaluate --confg=none.py", 2, "unknown flag --confg; did you mean --config?"),
    ("purify --config=none.py", 2, "there is no config file none.py"),
    ("purify --weights=digits_dsm --source=x", 2, "--out is needed; see --help"),
    (
        "purify --weights=digits_classifier --source=x --out=y",
        2,
        "advises no purifier; those of",
    ),
    ("convert", 2, "--from=FAMILY is needed; families: adp, "),
    ("convert --from=edm none.pkl out", 1, "none.pkl"),
    ("info --config=x", 2, "this command takes no config."),
    ("info --list_configs", 2, "this command takes no config."),
    ("info more", 2, "'more' is not a flag"),
]


@pytest.mark.parametrize("line, code, words", ROWS, ids=[row[0] for row in ROWS])
def test_a_wrong_line_is_one_clear_line(
    tmp_path, monkeypatch, capsys, line, code, words
):
    monkeypatch.chdir(tmp_path)
    left, out, told = commands.verb(capsys, line)
    assert (left, out) == (code, "")
    assert told.startswith("error: ") and told.count("\n") == 1 and words in told, told
    assert not any(tmp_path.iterdir())


def test_a_verb_evaluates_the_config_of_a_file(tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.py").write_text(
        "from purifax.evaluation.settings import Evaluation, Subjects\n"
        "from purifax.purify import ADP\n\n\n"
        "def tiny() -> Evaluation:\n"
        "    return Evaluation(\n"
        "        images=Subjects(name='digits', count=8),\n"
        "        score='digits_dsm',\n"
        "        classifier='digits_classifier',\n"
        "        purifier=ADP(steps=2),\n"
        "        samples=1,\n"
        "        attacks={},\n"
        "        probed=0,\n"
        "    )\n"
    )
    monkeypatch.chdir(tmp_path)
    line = "evaluate --config=mine.py:tiny --config.keys=1"
    code, out, _ = commands.verb(capsys, line)
    assert code == 0 and "no attack" in out
    summary = (tmp_path / "runs/mine_tiny/summary.json").read_text()
    assert '"keys": 1' in summary


def test_a_verb_purifies_by_shipped_weights_as_the_command_of_the_clone_does(
    tmp_path, capsys
):
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)
    np.savez(tmp_path / "in.npz", images=images)
    line = "purify --weights=digits_dsm --seed=2"
    line = f"{line} --source={tmp_path}/in.npz --out={tmp_path}"
    assert commands.verb(capsys, f"{line}/verb")[0] == 0
    assert commands.run(capsys, f"{line}/clone")[0] == 0
    one, two = (np.load(tmp_path / name / "in.npz") for name in ("verb", "clone"))
    np.testing.assert_array_equal(one["images"], two["images"])
    assert (one["images"] != images).any()


@pytest.mark.parametrize("name", ADVISED)
def test_the_numbers_of_a_card_are_those_of_the_evaluation_it_names(name):
    advised = cards.advice(name)
    plain = cards.evaluation(name, advised)
    named = cards.evaluation(name, advised, configs.find)
    assert plain.score == named.score == name
    assert plain.purifier == named.purifier


def test_a_card_without_a_purifier_is_refused():
    with pytest.raises(UsageError, match="digits_classifier advises no purifier"):
        cards.advice("digits_classifier")


@pytest.mark.parametrize("start", [["-m", "purifax"], None], ids=["module", "console"])
def test_the_program_is_found_and_repeats_what_was_typed(tmp_path, start):
    """The console command is an entry point, which calls `main` from a script."""
    script = tmp_path / "bin" / "purifax"
    script.parent.mkdir()
    script.write_text("from purifax.__main__ import main\n\nmain()\n")
    (tmp_path / "mine.py").write_text(
        "import sys\nfrom purifax.command import flags\n\n\n"
        "def config():\n    import beside\n    raise ValueError(flags.typed())\n"
    )
    (tmp_path / "beside.py").touch()
    words = [sys.executable, *(start or [script]), "evaluate", "--config=mine.py"]
    env = os.environ | {"PYTHONPATH": str(COMMANDS.parent.parent)}
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=env)
    typed = "python -m purifax" if start else "purifax"
    assert done.returncode == 2 and done.stdout == ""
    told = f"ValueError: {typed} evaluate --config=mine.py\n"
    assert done.stderr == f"error: mine.py, line 7: {told}"


def test_the_library_s_commands_name_no_other_package():
    for path in (*COMMANDS.rglob("*.py"), COMMANDS.parent / "__main__.py"):
        assert "experiments" not in path.read_text(), path


def test_trusted_modules_are_named_with_commas_or_again(monkeypatch):
    values, trusted = flags.FlagValues(), []
    flags.DEFINE_multi_string("trust", [], "", flag_values=values)
    monkeypatch.setattr(weights, "trust", trusted.extend, raising=False)
    monkeypatch.setattr(weights, "trust", lambda *n: trusted.extend(n), raising=False)
    values(["x", "--trust=json.tool, csv", "--trust=wave"])
    trust.apply(values)
    assert trusted == ["json.tool", "csv", "wave"]
    values = flags.FlagValues()
    flags.DEFINE_multi_string("trust", [], "", flag_values=values)
    monkeypatch.setattr(weights, "trust", lambda *n: pytest.fail("called"))
    values(["x"])
    trust.apply(values)


LOADING = "accelerate benchmark certify evaluate_poison ship".split()


def test_every_command_that_loads_networks_takes_trust():
    clone = pathlib.Path(experiments.__file__).parent
    files = [clone / f"{name}.py" for name in LOADING]
    for path in (*files, COMMANDS / "evaluate.py", COMMANDS / "purify.py"):
        calls = [ast.unparse(node) for node in ast.walk(ast.parse(path.read_text()))]
        assert "trust.apply(options)" in calls, path


def test_the_commands_of_the_clone_are_listed(capsys):
    assert listing.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = dict(line.split(maxsplit=1) for line in lines if line.startswith("  "))
    folder = pathlib.Path(experiments.__file__).parent
    assert sorted(rows) == sorted(path.stem for path in folder.glob("[a-z]*.py"))
    assert rows["train"].startswith("Train a score network")
    assert all(line.endswith((".", ":")) for line in rows.values()), rows


def test_a_word_is_answered_with_the_command_it_may_mean(capsys):
    assert listing.main(["trian"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "did you mean python -m experiments.train?" in told


def test_listing_the_commands_imports_none_of_them():
    source = "import sys, runpy\nsys.argv = ['experiments']\n"
    source += "try:\n    runpy.run_module('experiments', run_name='__main__')\n"
    source += "except SystemExit as left:\n    assert left.code == 0\n"
    source += "print([n for n in sys.modules if n.startswith('experiments.')])\n"
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_several_configs_of_a_command_are_found_beside_it():
    package = flagslib.lookup.configs("experiments")
    assert package.names([Evaluation]) == configs.names([Evaluation])


def test_a_verb_evaluates_without_a_config_of_ones_own(capsys):
    """The evaluation it starts from, with what the line replaces."""
    line = "evaluate --print_config --config.purifier=jpeg --config.radius=0.1"
    code, out, _ = commands.verb(capsys, line)
    config = json.loads(out)
    assert code == 0 and config["kind"] == "evaluation"
    assert config["purifier"] == {"recipe": "JPEG", "quality": 75, "subsampled": True}
    assert config["classifier"] == "digits_classifier" and config["radius"] == 0.1


def test_the_methods_are_listed(capsys):
    code, out, _ = commands.verb(capsys, "evaluate --list")
    names = [row.split()[0] for row in out.splitlines() if row.split()]
    assert code == 0 and {"purifiers", "adp", "attacks", "pgd"} <= set(names)
    code, again, _ = commands.run(capsys, "evaluate --list")
    assert (code, again) == (0, out)
