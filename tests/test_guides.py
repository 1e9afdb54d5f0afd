"""The guides do what they say: their Python runs, their commands exist."""

import pathlib
import re

import commands
import jax
import pytest

import experiments

ROOT = pathlib.Path(experiments.__file__).resolve().parent.parent
DOCS = ROOT / "launch" / "docs"
GUIDES = sorted(path.stem for path in DOCS.glob("[a-z]*.md"))
RUN = "walkthrough"
"""Run while the site is built, with the pictures it draws; see `test_docs`."""
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


def python(guide, wanted):
    """(what it needs, source) of the Python blocks that need something, or nothing."""
    found = blocks(guide, "python")
    return [(needs, code) for needs, code in found if bool(needs) == wanted]


TYPED = [name for name in GUIDES if name != RUN and python(name, False)]


@pytest.mark.parametrize("guide", TYPED)
def test_the_python_of_a_guide_runs(guide, ordinary):
    """All blocks of a guide in one session, as a reader types them."""
    names = {}
    for _, code in python(guide, False):
        exec(compile(code, f"{guide}.md", "exec"), names)


@pytest.mark.parametrize(
    "needs, code",
    [block for guide in GUIDES for block in python(guide, True)],
    ids=lambda part: "-".join(part) if isinstance(part, list) else "",
)
def test_the_python_for_other_packages_runs(needs, code, ordinary):
    for name in needs:
        pytest.importorskip(name)
    exec(compile(code, "guide", "exec"), {})


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
