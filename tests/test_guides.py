"""README and guides do what they say: their Python runs, their commands exist."""

import importlib
import json
import pathlib
import re
import shlex
import sys
import tomllib

import commands
import jax
import numpy as np
import pytest
from PIL import Image

import experiments
import purifax
from purifax import data

ROOT = pathlib.Path(experiments.__file__).resolve().parent.parent
DOCS = ROOT / "launch" / "docs"
OTHERS = (ROOT / "README.md", ROOT / "experiments/results/PERFORMANCE.md")
PAGES = {path.stem: path for path in (*OTHERS, *sorted(DOCS.glob("*.md")))}
GUIDES = [name for name in PAGES if name.islower()]
RUN = "walkthrough"
"""Run while the site is built, with the figures it draws; see `test_docs`."""
MADE = {"api.md", "recipes.md", "shipped.md"}
"""Pages of the site alone, see `launch/docs_pages.py`."""
BLOCK = re.compile(
    r"(?:<!-- (needs|not run): ?([^\n]+) -->\n)?```(\w+)\n(.*?)```", re.S
)
FILE = re.compile(r"# (\w+)\.py\n")
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
    "optional-dependencies"
]


def blocks(page, language):
    """(mark, words of the mark, source) of the code blocks of a page in a language."""
    found = BLOCK.findall(PAGES[page].read_text())
    return [
        (mark, words, code) for mark, words, kind, code in found if kind == language
    ]


def typed(page):
    """The commands of a page, one a line."""
    return [line for *_, code in blocks(page, "bash") for line in code.splitlines()]


def files(page):
    """The files that a reader is told to write, by name: blocks that name one first."""
    codes = [code for *_, code in blocks(page, "python")]
    return {found[1]: code for code in codes if (found := FILE.match(code))}


def python(page, mark):
    """(words of the mark, source) of the Python blocks that carry this mark."""
    found = blocks(page, "python")
    return [(w, code) for m, w, code in found if m == mark and not FILE.match(code)]


@pytest.fixture
def ordinary(tmp_path, monkeypatch):
    """A reader's own session, in a folder with images of the reader's."""
    test = data.load("digits", "test")
    for number, image in enumerate(test.images[:8]):
        place = tmp_path / "photos" / str(number % 2)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(place / f"{number}.png")
    arrays = {"images": test.images[:8], "labels": test.labels[:8]}
    np.savez(tmp_path / "suspect.npz", **arrays)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    jax.config.update("jax_disable_most_optimizations", True)
    with jax.numpy_rank_promotion("allow"):
        yield tmp_path
    jax.config.update("jax_disable_most_optimizations", False)
    for name in set(sys.modules) - before:
        if (tmp_path / f"{name}.py").exists():
            del sys.modules[name]


def written(page, folder):
    """Writes the files of a page."""
    for name, code in files(page).items():
        (folder / f"{name}.py").write_text(code)
    importlib.invalidate_caches()


TYPED = [name for name in PAGES if name != RUN and python(name, "")]


@pytest.mark.parametrize("page", TYPED)
def test_the_python_of_a_page_runs(page, ordinary):
    """All blocks of a page in one session, as a reader types them."""
    written(page, ordinary)
    for name in files(page):
        importlib.import_module(name)
    names = {}
    for _, code in python(page, ""):
        exec(compile(code, f"{page}.md", "exec"), names)


@pytest.mark.parametrize(
    "needs, code",
    [block for page in PAGES for block in python(page, "needs")],
    ids=lambda part: part.replace(" ", "-") if len(part) < 30 else "",
)
def test_the_python_for_other_packages_runs(needs, code, ordinary):
    for name in needs.split():
        pytest.importorskip(name)
    exec(compile(code, "guide", "exec"), {})


def test_what_is_not_run_is_python_and_says_why():
    for page in PAGES:
        for why, code in python(page, "not run"):
            compile(code, f"{page}.md", "exec")
            assert len(why.split()) > 3, f"{page}: {why}"


@pytest.mark.parametrize("page", [page for page in PAGES if typed(page)])
def test_the_commands_of_a_page_are_understood(page, ordinary, capsys):
    """Each is parsed whole, with its config and overrides, and stops there."""
    written(page, ordinary)
    for line in typed(page):
        line = re.sub(r"^bash launch/local.sh \d+ ", "", line)
        words = shlex.split(line)
        if words[0] == "bash":
            assert (ROOT / words[1]).is_file(), line
        elif words[:2] == ["pip", "install"]:
            named = re.findall(r"\.\[([\w,]+)\]", line)
            assert named and set(named[0].split(",")) <= set(EXTRAS), line
        elif words == ["python", "-m", "experiments"]:
            assert (ROOT / "experiments/__main__.py").is_file()
        elif words[0] == "purifax" or words[2].startswith("experiments."):
            assert understood(capsys, line) == (0, ""), line
        else:
            assert words[:2] == ["mkdocs", "build"], f"what is {line!r}?"  # `test_docs`


def understood(capsys, line):
    """The exit code and stderr of a command that reads its flags and stops there."""

    def main(*given):
        return None

    verb, _, rest = line.partition(" ")
    if verb == "purifax":
        module = importlib.import_module(f"purifax.command.{rest.split()[0]}")
        main.__module__ = module.__name__
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module.run, "__defaults__", (main,))
            code, _, err = commands.verb(capsys, rest)
    else:
        line = line.removeprefix("python -m experiments.")
        code, _, err = commands.run(capsys, line, main=main)
    return code, err


def test_every_guide_is_in_the_site_and_in_order():
    listed = re.findall(r": (\w+)\.md", (ROOT / "launch/mkdocs.yml").read_text())
    assert sorted(name for name in listed if name in GUIDES) == sorted(GUIDES)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file(page):
    text = re.sub(r"```.*?```", "", PAGES[page].read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path = target.partition("#")[0]
        if not path or target.startswith("https://"):
            continue
        there = (PAGES[page].parent / path).exists()
        assert there or (path in MADE and page != "README"), f"{page}: {target}"


def test_the_readme_is_short():
    assert len(PAGES["README"].read_text().splitlines()) <= 200
    assert (DOCS / "picture.png").stat().st_size < 100_000


def test_the_citation_names_this_version():
    text = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {purifax.__version__}\n" in text


def test_the_figure_of_the_readme_can_be_drawn(ordinary, monkeypatch):
    """Small; the committed one is drawn by the command beneath it."""
    assert "`python launch/docs_picture.py`" in PAGES["README"].read_text()
    monkeypatch.syspath_prepend(str(ROOT / "launch"))
    picture = importlib.import_module("docs_picture")
    monkeypatch.setattr(picture, "STEPS", 1)
    monkeypatch.setattr(picture, "SAMPLES", 1)
    drawn = picture.draw(ordinary / "drawn.png", count=4, radii=(0.1,))
    assert (ordinary / "drawn.png").read_bytes().startswith(b"\x89PNG")
    assert list(drawn) == ["blind PGD", "BPDA+EOT", "exact PGD+EOT"]
    assert all(len(values) == 2 and max(values) <= 100 for values in drawn.values())


def tables(page):
    """The rows of every table of a page, each cell stripped, by their first cell."""
    for text in re.findall(r"(?:^\|.*\n)+", PAGES[page].read_text(), re.M):
        lines = [line.strip().strip("|").split("|") for line in text.splitlines()]
        head, _, *rows = ([cell.strip() for cell in line] for line in lines)
        yield head, rows


@pytest.mark.parametrize("name", ["digits_poison_grid", "mnist_poison_grid"])
def test_the_tables_of_poisons_are_those_that_were_measured(name):
    stored = json.loads((ROOT / f"experiments/results/{name}.json").read_text())
    cells = {(e["poison"], e["defence"]): e for e in stored["entries"]}
    wanted = ["defence", *stored["columns"]]
    (rows,) = (rows for head, rows in tables("poison_results") if head == wanted)
    assert [row[0] for row in rows] == stored["rows"]
    for defence, *shown in rows:
        for poison, text in zip(stored["columns"], shown, strict=True):
            cell = cells.get((poison, defence))
            mean, deviation = (cell["accuracy"], cell["deviation"]) if cell else (0, 0)
            measured = f"{100 * mean:.1f} ± {100 * deviation:.1f}" if cell else ""
            assert text == measured, (poison, defence)


@pytest.mark.parametrize("name, attack", [("mnist", "BPDA"), ("cifar10", "blind")])
def test_the_tables_of_purifiers_are_those_that_were_measured(name, attack):
    stored = json.loads(
        (ROOT / f"experiments/results/{name}_purifiers.json").read_text()
    )
    titles = {"no attack": "clean", "blind PGD": "blind", "BPDA+EOT": "BPDA"}
    measured = {
        (row["evaluation"], titles[row["attack"]]): f"{100 * row['accuracy']:.1f}"
        for row in stored["rows"]
        if row["attack"] in titles and "undefended" not in row["model"]
    }
    found = 0
    for head, rows in tables("results"):
        for row in rows:
            config = row[0].split("`")[1] if "`" in row[0] else ""
            for column in ("clean", attack):
                if (config, column) in measured and column in head and "calls" in head:
                    shown = row[head.index(column)].split(" ")[0]
                    assert shown == measured[config, column], (config, column)
                    found += 1
    assert found >= 26
