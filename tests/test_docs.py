"""The documentation site: built with warnings as errors, and complete in itself."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import experiments
import purifax
from experiments.poisoning.config import SET_DEFENCE
from purifax import purify
from purifax.recipe.help_text import help_lines
from purifax.recipe.kinds import ATTACK, POISON, PURIFIER
from purifax.run import recipes

ROOT = pathlib.Path(experiments.__file__).resolve().parent.parent
NEEDED = ("README.md", "CITATION.cff", "LICENSE", "launch", "purifax", "experiments")
pytest.importorskip("mkdocstrings", reason="needs the extra docs")


def documented():
    """The command that the guide for contributors gives."""
    text = (ROOT / "launch/docs/CONTRIBUTING.md").read_text()
    (command,) = re.findall(r"^mkdocs build .*$", text, re.M)
    assert "--strict" in command and "--quiet" not in command
    return command


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Built in a copy of the checkout, by the very command that is documented."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in NEEDED:
        there, here = ROOT / name, copy / name
        if there.is_dir():
            shutil.copytree(there, here, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(there, here)
    path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    fast = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "PATH": path}  # to compile
    done = subprocess.run(
        documented(),
        shell=True,
        cwd=copy,
        capture_output=True,
        text=True,
        env=os.environ | fast,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-4000:]
    assert not re.search("WARNING|ERROR", said), said[-4000:]
    return copy / "build/site"


def pages(site):
    return {str(p.relative_to(site)): p.read_text() for p in site.rglob("*.html")}


def test_every_module_has_a_page_with_its_functions(site):
    package = pathlib.Path(purifax.__file__).parent
    for path in package.iterdir():
        whole = path.suffix == ".py" or (path / "__init__.py").is_file()
        if whole and not path.name.startswith("_"):
            assert (site / "api" / f"{path.stem}.html").is_file(), path.stem
    page = (site / "api/purify.html").read_text()
    for name in purify.__all__:
        shown = (f'id="purifax.purify.{end}"' for end in (name, f"{name}.{name}"))
        assert any(one in page for one in shown), name
    assert "algorithm 1" in page


def test_a_package_that_exports_nothing_is_shown_by_its_files(site):
    page = (site / "api/run.html").read_text()
    assert 'id="purifax.run.recipes.find"' in page
    assert 'id="purifax.run.config.encode"' in page
    assert 'id="purifax.run.overrides.apply"' in page
    page = (site / "api/command.html").read_text()
    assert 'id="purifax.command.flags.parse"' in page


def test_every_recipe_has_its_table_of_fields(site):
    page = (site / "recipes.html").read_text()
    kinds = (PURIFIER, ATTACK, POISON, SET_DEFENCE)
    _, *sections = re.split("<h2 ", page)
    for kind, section in zip(kinds, sections, strict=True):
        for cls in recipes.known(kind).values():
            _, found, rest = section.partition(f">{cls.__name__}</h3>")
            assert found, cls
            table = rest.partition("<h3")[0]
            for field, line in help_lines(cls).items():
                assert f"<code>{field}</code>" in table, (cls, field)
                assert re.split(r'["&<`*_]', line)[0].strip() in table, (cls, field)
    assert "Network evaluations of one run with the defaults: 20." in sections[0]


def test_links_into_the_repository_become_links_of_the_site(site):
    page = (site / "index.html").read_text()
    assert 'href="glossary.html#bpda"' in page and 'src="picture.png"' in page
    assert (site / "picture.png").is_file() and 'href="speed.html"' in page
    assert "launch/docs/glossary" not in page and "CITATION.cff" in page


def test_examples_of_docstrings_are_code(site):
    page = (site / "api/backward.html").read_text()
    assert re.search(r"<code[^>]*>&gt;&gt;&gt; ", page)
    assert not re.search(r"<p>&gt;&gt;&gt; ", page)


def test_the_site_asks_nothing_of_others(site):
    for name, text in pages(site).items():
        assets = re.findall(r'<(?:script|img|link)[^>]*(?:src|href)="([^"]*)"', text)
        assert not [one for one in assets if re.match(r"(https?:)?//", one)], name


def test_the_walkthrough_is_run_and_shows_what_it_made(site):
    page = (site / "walkthrough.html").read_text()
    shown = re.findall(r'<img[^>]*src="(walkthrough/[^"]*)"', page)
    assert shown == ["walkthrough/film.png", "walkthrough/radii.png"]
    for name in shown:
        assert (site / name).read_bytes().startswith(b"\x89PNG")
    largest = re.search(r"largest change of a pixel: ([\d.]+)", page)
    assert largest and float(largest[1]) == pytest.approx(0.15)
    hits = dict(re.findall(r"(\w+ +\w+) +([\d.]+)% \[", page))
    found = {" ".join(name.split()): float(hit) for name, hit in hits.items()}
    assert found["bare clean"] > 90 and found["defended clean"] > 80
    assert found["defended attacked"] > found["bare attacked"] + 20
    left = re.findall(r"(?:it|attack|gradient): ([\d.]+)% at radius 0.15", page)
    assert len(left) == 3 and float(left[2]) < float(left[1])


def test_the_cards_are_shown_with_their_pictures(site):
    page = (site / "shipped.html").read_text()
    for name in re.findall(r'src="(pictures/[^"]*)"', page):
        assert (site / name).stat().st_size > 100
    assert "digits_dsm" in page and page.count("<img") >= 10
