"""The guides do what they say: their Python runs, their commands exist."""

import importlib.util
import pathlib
import re

import commands
import jax
import pytest

import experiments

ROOT = pathlib.Path(experiments.__file__).resolve().parent.parent
DOCS = ROOT / "launch" / "docs"
GUIDES = sorted(path.stem for path in DOCS.glob("[a-z]*.md"))
BLOCK = re.compile(r"(?:<!-- needs ([\w ]+) -->\n)?```(\w+)\n(.*?)```", re.S)


def blocks(guide, language):
    """(what it needs, source) of the code blocks of a guide in a language."""
    found = BLOCK.findall((DOCS / f"{guide}.md").read_text())
    return [(needs.split(), code) for needs, kind, code in found if kind == language]


def typed(guide):
    """The commands of a guide, one a line."""
    return [line for _, code in blocks(guide, "bash") for line in code.splitlines()]


@pytest.fixture
def ordinary(tmp_path, monkeypatch):
    """A reader's own session, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    jax.config.update("jax_disable_most_optimizations", True)
    with jax.numpy_rank_promotion("allow"):
        yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.mark.parametrize(
    "guide", [guide for guide in GUIDES if blocks(guide, "python")]
)
def test_the_python_of_a_guide_runs(guide, ordinary):
    names, missing = {}, []
    for needs, code in blocks(guide, "python"):
        absent = [name for name in needs if not importlib.util.find_spec(name)]
        missing += absent
        if not absent:
            exec(compile(code, f"{guide}.md", "exec"), {} if needs else names)
    if missing:
        print(f"not installed, so not run: {', '.join(missing)}")


@pytest.mark.parametrize("guide", [guide for guide in GUIDES if typed(guide)])
def test_the_commands_of_a_guide_are_understood(guide, ordinary, capsys):
    """Each is parsed whole, with its config and overrides, and stops there."""
    for line in typed(guide):
        words = re.sub(r"^bash launch/local.sh \d+ ", "", line)
        if words.startswith("bash "):
            assert (ROOT / words.split()[1]).is_file(), line
        elif words.startswith("python -m experiments."):
            command = words.removeprefix("python -m experiments.")
            code, _, err = commands.run(capsys, command, main=lambda *given: None)
            assert (code, err) == (0, ""), line
        else:
            raise AssertionError(f"what is {line!r}?")


def test_every_guide_is_in_the_site_and_in_order():
    listed = re.findall(r": (\w+)\.md", (ROOT / "launch/mkdocs.yml").read_text())
    assert sorted(name for name in listed if name in GUIDES) == GUIDES
