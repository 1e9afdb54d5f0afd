"""The documentation site: built with warnings as errors, and complete in itself."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

import experiments
import purifax
from purifax import purify

ROOT = pathlib.Path(experiments.__file__).resolve().parent.parent
pytest.importorskip("mkdocstrings", reason="needs the extra docs")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Built by the command itself, whose plugins stay out of this process."""
    out = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    words += ["--config-file", ROOT / "launch/mkdocs.yml", "--site-dir", out]
    fast = os.environ | {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}  # to compile
    done = subprocess.run(words, capture_output=True, text=True, env=fast)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
    assert "WARNING" not in done.stderr, done.stderr
    return out


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


def test_examples_of_docstrings_are_code(site):
    page = (site / "api/backward.html").read_text()
    assert re.search(r"<code[^>]*>&gt;&gt;&gt; ", page)
    assert not re.search(r"<p>&gt;&gt;&gt; ", page)


def test_the_site_asks_nothing_of_others(site):
    for name, text in pages(site).items():
        assets = re.findall(r'<(?:script|img|link)[^>]*(?:src|href)="([^"]*)"', text)
        assert not [one for one in assets if re.match(r"(https?:)?//", one)], name


def test_the_walk_through_is_run_and_shows_what_it_made(site):
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
