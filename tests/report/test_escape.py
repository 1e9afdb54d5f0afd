"""Hostile names of attacks, models, data sets and folders in every file of a report."""

import csv
import dataclasses
import io
import re

import pytest
from reported import example, result

from purifax.report import Report, escape, latex, pages, tables

HOSTILE = [
    '=HYPERLINK("http://x","y")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "a|b|c",
    "`code` ``more``",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](http://x/y.png)",
    "[x](javascript:alert)",
    "[x]: http://x",
    "a\n\n# heading\n| cell |",
    "a\r\n=1",
    "\x1b[31mred\x00",
    "**bold** __also__",
    "\\| \\`",
    "&lt;b&gt;",
    "100% of $x_1$ & {more} #1 ~^\\input{/etc/passwd}",
]


@pytest.fixture(scope="module", params=HOSTILE, ids=map(repr, HOSTILE))
def named(request):
    """A report in which everything that a user names is this text."""
    name = request.param
    attack = result("defended", name, "own", 0.4, key=name)
    findings = example(results=(attack,), sweep=())
    findings = dataclasses.replace(
        findings,
        title=name,
        dataset=name,
        command=name,
        notes=(name,),
        models={"defended": name},
        settings={name: name},
    )
    return name, Report(findings)


def test_markdown_shows_names_and_nothing_else(named):
    _, made = named
    page = pages.markdown(made.summary, dict.fromkeys(pages.FILES, b""))
    code = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", page)
    plain = re.sub(r"\\.", "", code)
    assert not re.search(r"<\w|\x1b|\x00", plain)
    assert not re.search(r"\]\((?!\w+\.png\))", plain)
    assert "\n# heading" not in page and "\n[x]:" not in page
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    widths = {len(re.split(r"(?<!\\)\|", re.sub(r"\\\\", "", row))) for row in rows}
    assert widths == {5, 9, 14}


def test_csv_begins_no_formula(named):
    text = named[1].to_csv()
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            number = re.fullmatch(r"-?[\d.e+-]+", cell)
            assert number or not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_latex_has_no_command_of_a_name(named):
    summary = named[1].summary
    text = latex.table(summary, latex.caption(summary), "tab:x")
    assert "\\input" not in text and "\x1b" not in text and "\x00" not in text
    body = text[text.index(r"\midrule") :]
    ends = [line for line in body.splitlines() if line.rstrip().endswith("\\\\")]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in ends} == {7}


def test_names_are_on_one_line(named):
    name, made = named
    found = made.findings
    assert found.results[0].key == name
    assert found.results[0].attack == escape.line(name)


def test_numbers_and_plain_names_are_not_changed():
    assert escape.csv_cell(-0.5) == -0.5 and escape.csv_cell(None) is None
    for name in ("BPDA+EOT", "PGD_50", "Linf 8/255", "cifar10_dsm", "[65.0, 75.1]"):
        assert escape.markdown(name) == name == escape.csv_cell(name)
    assert latex.escaped("PGD 50") == "PGD 50"
    assert tables.COLUMNS[0] == "model"
