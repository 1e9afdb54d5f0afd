"""The command line: names, overrides by type, and one clear line for every mistake."""

import json
import subprocess
import sys

import pytest
from absl import flags as absl_flags

from experiments import configs, train
from experiments.configs.digits import training
from experiments.training.config import (
    ClassifierTraining,
    ScoreTraining,
)
from purifax.command import flags
from purifax.run import config as configlib

KINDS = (ScoreTraining, ClassifierTraining)


def parse(*words):
    where = {"values": absl_flags.FlagValues(), "package": "experiments"}
    return flags.parse(["train", *words], KINDS, **where)


def wrong(*words):
    with pytest.raises(flags.UsageError) as caught:
        parse(*words)
    message = str(caught.value)
    assert "\n" not in message
    return message


def run(capsys, monkeypatch, main, *words):
    """Exit code and the two outputs of a command with this main."""
    monkeypatch.setattr(sys, "argv", ["train", *words])
    monkeypatch.setattr(absl_flags, "FLAGS", absl_flags.FlagValues())
    defaults = (None, None, None, absl_flags.FlagValues())
    monkeypatch.setattr(flags.parse, "__defaults__", defaults)
    main.__module__ = train.__name__
    with pytest.raises(SystemExit) as stopped:
        flags.run(main, KINDS)
    return stopped.value.code, *capsys.readouterr()


def test_a_name_gives_its_config_and_default_workdir():
    config, options = parse("--config=digits_dsm")
    assert config == training.dsm()
    assert options.workdir == "runs/digits_dsm"
    assert options.data_dir is None


def test_given_folders_are_taken():
    _, options = parse("--config=digits_dsm", "--workdir=a/b", "--data_dir=c")
    assert (options.workdir, options.data_dir) == ("a/b", "c")


@pytest.mark.parametrize(
    ("word", "field", "value"),
    [
        ("--config.train.steps=7", ("train", "steps"), 7),
        ("--config.optim.learning_rate=1e-3", ("optim", "learning_rate"), 1e-3),
        ("--config.optim.learning_rate=1", ("optim", "learning_rate"), 1.0),
        ("--config.data.flip=true", ("data", "flip"), True),
        ("--config.data.flip=No", ("data", "flip"), False),
        ("--config.data.name=mnist", ("data", "name"), "mnist"),
        ("--config.data.name='x y'", ("data", "name"), "x y"),
        ("--config.net.widths=(32,64)", ("net", "widths"), (32, 64)),
        ("--config.net.widths=32, 64", ("net", "widths"), (32, 64)),
        ("--config.net.widths=[32]", ("net", "widths"), (32,)),
        ("--config.net.widths=None", ("net", "widths"), None),
        ("--config.optim.drops=()", ("optim", "drops"), ()),
        ("--config.optim.clip=2", ("optim", "clip"), 2.0),
        ("--config.optim.clip=none", ("optim", "clip"), None),
    ],
)
def test_an_override_is_read_by_the_type_of_its_field(word, field, value):
    config, _ = parse("--config=digits_dsm", word)
    got = getattr(getattr(config, field[0]), field[1])
    assert got == value and type(got) is type(value)


def test_an_override_may_come_as_two_words_and_leaves_the_rest_alone():
    config, _ = parse("--config=digits_dsm", "--config.train.steps", "7")
    changed = configlib.differences(training.dsm(), config)
    assert changed == [("train.steps", training.dsm().train.steps, 7)]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ([], ["--config=NAME is needed", "digits_dsm"]),
        (["--config=digits_dms"], ["'digits_dms'", "did you mean digits_dsm?"]),
        (["--config=zzzzzzzz"], ["'zzzzzzzz'", "known:", "cifar10_dsm"]),
        (["--config=none/such.py"], ["no config file none/such.py"]),
        (["--config=digits_adp"], ["is of type Evaluation", "ScoreTraining"]),
        (["--config=digits_dsm", "--wrkdir=x"], ["did you mean --workdir?"]),
        (["--config=digits_dsm", "x"], ["'x' is not a flag"]),
        (["--config=digits_dsm", "--debug=x"], ["debug"]),
    ],
)
def test_a_wrong_command_line_is_named(words, parts):
    message = wrong(*words)
    assert all(part in message for part in parts), message


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("train.step=1", ["train.step;", "did you mean --config.train.steps?"]),
        ("optim.lrate=1", ["did you mean --config.optim.learning_rate?"]),
        ("trian.steps=1", ["did you mean --config.train.steps?"]),
        ("optim=1", ["optim is a group of fields", "optim.learning_rate"]),
        ("train.steps=12x", ["'12x' is not of type int"]),
        ("train.steps=1.5", ["'1.5' is not of type int"]),
        ("optim.learning_rate=fast", ["'fast' is not of type float"]),
        ("data.flip=2", ["'2' is not of type bool"]),
        ("net.widths=(3,x)", ["is not of type tuple of int or None"]),
        ("train.steps", ["--config.train.steps needs a value"]),
    ],
)
def test_a_wrong_override_is_named(word, parts):
    message = wrong("--config=digits_dsm", f"--config.{word}")
    assert all(part in message for part in parts), message


def test_a_config_may_lie_anywhere(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from experiments.configs.digits import training\nconfig = training.dsm\n"
    )
    config, options = parse(f"--config={path}", "--config.train.steps=3")
    assert config.train.steps == 3
    assert options.workdir == "runs/mine"


@pytest.mark.parametrize(
    ("text", "part"),
    [("x = 1\n", "no function config()"), ("1 / 0\n", "ZeroDivisionError")],
)
def test_a_broken_config_file_is_named(tmp_path, text, part):
    path = tmp_path / "mine.py"
    path.write_text(text)
    assert part in wrong(f"--config={path}")


def test_configs_are_listed_with_their_first_line(capsys):
    assert parse("--list_configs") is None
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == configs.names(KINDS)
    assert all(len(line.split()) > 3 for line in lines)
    assert not any(line.startswith("digits_adp") for line in lines)


def test_the_printed_config_is_the_overridden_one(capsys):
    assert (
        parse("--config=digits_dsm", "--config.train.seed=9", "--print_config") is None
    )
    config = configlib.decode(json.loads(capsys.readouterr().out), [ScoreTraining])
    changed = configlib.differences(training.dsm(), config)
    assert changed == [("train.seed", 0, 9)]


def test_help_names_the_flags(capsys):
    assert parse("--help") is None
    out = capsys.readouterr().out
    assert "--workdir" in out and "--config.FIELD=VALUE" in out


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (flags.UsageError("bad\n  word"), 2),
        (ValueError("bad\n  word"), 1),
        (FileNotFoundError("bad word"), 1),
        (RuntimeError("bad word"), 1),
    ],
)
def test_an_expected_error_is_one_line(capsys, monkeypatch, error, code):
    def main(config, options):
        raise error

    got = run(capsys, monkeypatch, main, "--config=digits_dsm")
    assert got == (code, "", "error: bad word\n")


def test_debug_shows_where_an_error_comes_from(capsys, monkeypatch):
    def main(config, options):
        raise ValueError("bad")

    words = ["--config=digits_dsm", "--debug"]
    code, _, err = run(capsys, monkeypatch, main, *words)
    assert code == 1 and "Traceback" in err and err.endswith("error: bad\n")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (KeyError("a mistake of ours"), "KeyError: 'a mistake of ours' ("),
        (AssertionError(), "AssertionError ("),
        (MemoryError("Unable to allocate 9 TiB"), "allocate 9 TiB. Work on fewer ima"),
        (RuntimeError("RESOURCE_EXHAUSTED: out of memory"), "memory. Work on fewer"),
        (ImportError("no s3fs"), "error: no s3fs"),
        (OSError(30, "Read-only file system", "/x"), "'/x'. Give a folder on a disk"),
        (ValueError("x" * 5000), "x... (--debug shows all)"),
    ],
)
def test_any_error_is_one_line(capsys, monkeypatch, error, line):
    def main(config, options):
        raise error

    code, out, err = run(capsys, monkeypatch, main, "--config=digits_dsm")
    assert (code, out) == (1, "") and err.count("\n") == 1
    assert err.startswith("error: ") and line in err


def test_ctrl_c_is_silent(capsys, monkeypatch):
    def main(config, options):
        raise KeyboardInterrupt

    got = run(capsys, monkeypatch, main, "--config=digits_dsm")
    assert got == (130, "", "")


def test_main_gives_the_exit_code(capsys, monkeypatch):
    got = run(capsys, monkeypatch, lambda config, options: 3, "--config=digits_dsm")
    assert got == (3, "", "")


def test_a_wrong_name_is_one_line_of_the_real_command():
    words = [sys.executable, "-m", "experiments.train", "--config=digits_dms"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    expected = "error: no config is named 'digits_dms'; did you mean digits_dsm?\n"
    assert done.stderr == expected
