"""The documentation site: built with warnings as errors, and complete in itself."""

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
    done = subprocess.run(words, capture_output=True, text=True)
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


def test_the_cards_are_shown_with_their_pictures(site):
    page = (site / "shipped.html").read_text()
    for name in re.findall(r'src="(pictures/[^"]*)"', page):
        assert (site / name).stat().st_size > 100
    assert "digits_dsm" in page and page.count("<img") >= 10
