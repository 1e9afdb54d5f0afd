"""Configs by name and path: only the asked file is imported, only it can be broken."""

import pathlib
import subprocess
import sys
import textwrap

import digests
import pytest

from experiments import configs
from experiments.training.config import ScoreTraining
from purifax.evaluation.settings import Evaluation
from purifax.run import lookup, trees
from purifax.run.errors import UsageError

GOOD = '''
"""Configs of toys."""

from dataclasses import dataclass
from typing import ClassVar

from purifax.evaluation import settings
from purifax.evaluation.settings import Evaluation, Subjects


@dataclass(frozen=True)
class Local:
    """A type of the file's own."""

    kind: ClassVar[str] = "local"
    number: int = 1


def small() -> Evaluation:
    """A small one.

    And more.
    """
    return Evaluation(images=Subjects("digits"), score="", classifier="")


def quoted(count: int = 3) -> "settings.Evaluation":
    return settings.Evaluation(Subjects("digits", count=count), "", "")


def config() -> Evaluation:
    """The plain one."""
    return small()


def other() -> Local:
    """Another type."""
    return Local()


def bare():
    return small()


def lying() -> Evaluation:
    return Local()


def failing() -> Evaluation:
    return 1 / 0


def needing(count: int) -> Evaluation:
    return quoted(count)


def _hidden() -> Evaluation:
    return small()
'''


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A package `mine.configs` of good and broken files, and its shelf."""
    root = tmp_path / "mine" / "configs"
    (root / "many").mkdir(parents=True)
    for folder in (root.parent, root, root / "many"):
        (folder / "__init__.py").touch()
    (root / "toys.py").write_text(GOOD)
    (root / "typo.py").write_text('"""A typo."""\n\ndef small(:\n')
    (root / "raises.py").write_text(
        'def small() -> "Evaluation":\n    """Never made."""\n\n\nnone = [][3]\n'
    )
    (root / "bytes.py").write_bytes(b"x = '\xff'\n")
    (root / "whole.py").write_text(
        'from mine.configs.toys import small\n\nPREFIX = ""\n\n\n'
        'def complete_name():\n    """Complete."""\n    return small()\n'
    )
    for topic in ("one", "two"):
        (root / "many" / f"{topic}.py").write_text(
            f"from mine.configs.toys import small\n\n\ndef {topic}():\n"
            f'    """Topic {topic}."""\n    return small()\n\n\n'
            "def twice():\n    return small()\n"
        )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield lookup.configs("mine")
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[name]


def refused(shelf, name, kinds=(Evaluation,)):
    with pytest.raises(UsageError) as caught:
        shelf.find(name, kinds)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_names_are_those_of_modules_and_functions(shelf):
    toys = "toys toys_bare toys_failing toys_lying toys_quoted toys_small".split()
    more = ["complete_name", "many_one", "many_twice", "many_twice", "many_two"]
    assert shelf.names([Evaluation]) == sorted([*toys, *more, "raises_small"])
    assert shelf.names([ScoreTraining]) == sorted([*more, "toys_bare"])
    assert "toys_other" in shelf.names()


def test_a_list_has_descriptions_and_broken_files_on_their_own_lines(shelf):
    lines = shelf.listing([Evaluation]).splitlines()
    rows = dict(line.split(maxsplit=1) for line in lines if len(line.split()) > 1)
    assert rows["toys_small"] == "A small one." and rows["raises_small"]
    assert rows["toys"] == "Configs of toys." and rows["many_one"] == "Topic one."
    assert rows["typo.py"].startswith("broken: ")
    assert "typo.py, line 3: SyntaxError" in rows["typo.py"]
    assert rows["bytes.py"].startswith("broken: ")
    assert not [name for name in sys.modules if name.startswith("mine.configs.")]


def test_good_files_are_found_beside_broken_ones(shelf):
    small = shelf.find("toys_small", (Evaluation,))
    assert isinstance(small, Evaluation)
    for name in ("toys", "toys_bare", "complete_name", "many_two"):
        assert shelf.find(name, (Evaluation,)) == small
    assert shelf.find("toys_quoted").images.count == 3


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("typo_small", ["typo_small cannot be found", "typo.py, line 3: SyntaxErr"]),
        ("raises_small", ["raises.py, line 5: IndexError: list index out of"]),
        ("toys_failing", ["toys.py, line 50: ZeroDivisionError: division by"]),
        ("toys_lying", ["toys_lying is of type Local; this command takes Evalua"]),
        ("toys_other", ["toys_other is of type Local; this command takes Evalua"]),
        ("toys_smal", ["no config is named 'toys_smal'; did you mean toys_small?"]),
        ("toys_needing", ["no config is named 'toys_needing'"]),
        ("toys__hidden", ["no config is named 'toys__hidden'"]),
        ("many_twice", ["two functions are named many_twice: in ", "one.py and "]),
    ],
)
def test_what_is_wrong_with_a_name_is_one_line(shelf, name, parts):
    told = refused(shelf, name)
    assert all(part in told for part in parts), told


def test_a_config_of_another_command_is_not_imported(shelf):
    refused(shelf, "toys_other")
    assert "mine.configs.toys" not in sys.modules


@pytest.mark.parametrize(
    ("end", "parts"),
    [
        ("toys.py:smal", ["toys.py has no function smal()", "toys.py:small?"]),
        ("typo.py", ["typo.py, line 3: SyntaxError"]),
        ("raises.py", ["raises.py, line 5: IndexError"]),
        ("toys.py:failing", ["toys.py, line 50: ZeroDivisionError"]),
        ("toys.py:lying", ["is of type Local; this command takes Evaluation"]),
        ("toys.py:needing", ["TypeError: needing() missing 1 required"]),
        ("none.py", ["there is no config file", "none.py"]),
    ],
)
def test_what_is_wrong_with_a_path_is_one_line(shelf, tmp_path, end, parts):
    told = refused(shelf, f"{tmp_path}/mine/configs/{end}")
    assert all(part in told for part in parts), told


def test_a_path_may_name_a_function(shelf, tmp_path):
    path = tmp_path / "elsewhere.py"
    path.write_text(GOOD)
    found = [shelf.find(f"{path}{end}") for end in ("", ":small", ":config", ":")]
    assert all(one == found[0] for one in found)
    assert shelf.find(f"{path}:other").number == 1


def test_names_of_work_directories():
    names = ("digits_dsm", "a/mine.py", "a/mine.py:config", "mine.py:small")
    assert [*map(lookup.stem, names)] == ["digits_dsm", "mine", "mine", "mine_small"]


def test_without_a_package_paths_alone_are_known(tmp_path):
    nothing = lookup.configs("no.such.package")
    assert nothing.names() == [] and nothing.listing() == ""
    told = refused(nothing, "digits_dsm")
    assert told == "no config is named 'digits_dsm'; give a path, --config=PATH.py."
    path = tmp_path / "mine.py"
    path.write_text(GOOD)
    assert isinstance(nothing.find(f"{path}:small"), Evaluation)


FRESH = """
import sys
from experiments import configs
configs.names(), configs.SHELF.listing()
assert not [n for n in sys.modules if n.startswith("experiments.configs.")]
configs.find("cifar10_dsm")
print(*sorted(n for n in sys.modules if n.startswith("experiments.configs.")))
"""


def test_only_the_named_module_is_imported():
    done = subprocess.run(
        [sys.executable, "-c", FRESH], capture_output=True, text=True, check=True
    )
    own = ["experiments.configs.cifar10", "experiments.configs.cifar10.scores"]
    assert done.stdout.split() == own


def test_a_broken_file_breaks_no_command(tmp_path):
    """In a copy of the package of configs, beside the real ones."""
    import shutil

    there = pathlib.Path(configs.__file__).parent.parent
    ignored = shutil.ignore_patterns("results", "__pycache__")
    shutil.copytree(there, tmp_path / "experiments", ignore=ignored)
    broken = tmp_path / "experiments/configs/broken.py"
    broken.write_text("def small(:\n")
    words = [sys.executable, "-m", "experiments.train"]
    for more, code, out, err in (
        (["--list_configs"], 0, "broken.py, line 1: SyntaxError", ""),
        (["--config=digits_dsm", "--print_config"], 0, '"kind": "score_training"', ""),
        (["--config=broken_small"], 2, "", "broken.py, line 1: SyntaxError"),
    ):
        done = subprocess.run(
            [*words, *more], capture_output=True, text=True, cwd=tmp_path
        )
        assert done.returncode == code and out in done.stdout and err in done.stderr
        assert done.stderr.count("\n") == (code > 0)


def test_every_config_has_the_values_it_had():
    known, found = digests.SNAPSHOT.read_text().splitlines(), digests.lines()
    gone = [f"- {line}" for line in known if line not in found]
    new = [f"+ {line}" for line in found if line not in known]
    hint = "If that is meant, run `python tests/support/digests.py`."
    assert not gone + new, "\n".join([hint, *gone, *new])


@pytest.mark.parametrize("entry", configs.SHELF.entries, ids=lambda entry: entry.name)
def test_every_config_says_how_to_run_it(entry):
    doc = entry.function.doc
    assert f"--config={entry.name}" in doc
    assert "python -m experiments." in doc and "@" not in doc
    assert entry.line.endswith(".") and len(entry.line) < 85
    assert entry.function.returns, "its type cannot be known without importing it"


def test_names_are_unique():
    assert len(set(configs.names())) == len(configs.names()) >= 112


def test_what_a_file_declares_is_read_from_its_tree(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        textwrap.dedent('''
        """First line.

        More.
        """
        A = B = "text"
        C = 3
        def plain(): ...
        def typed(a, *, b, c=1) -> x.y.Type: ...
        def union() -> A | B: ...
        class Other:
            def method(self): ...
        ''')
    )
    found = trees.read(path)
    assert found.texts == {"A": "text", "B": "text"}
    rows = [(f.name, f.returns, f.needs) for f in found.functions]
    assert rows == [("plain", "", 0), ("typed", "Type", 2), ("union", "", 0)]
    assert trees.summary(path) == "First line."
    path.write_text("def")
    assert trees.summary(path).startswith(f"broken: {path}, line 1: SyntaxError")
