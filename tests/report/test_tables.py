"""The table in LaTeX, CSV and Markdown."""

import csv
import io
import re

import pytest
from reported import N, example, result

from purifax.report import Report, latex, tables

TITLE = "PGD_1 & 50% of $x^2$ {a} #~\\ <|>"


@pytest.fixture(scope="module")
def report():
    results = (*example().results, result("defended", TITLE, "own", 0.5, key="odd"))
    return Report(example(results=results, title="A_title: 100% & more"))


def structure(text):
    """The rows of the tabular; all groups and environments must be closed."""
    bare = re.sub(r"\\[&%$#_{}]", "", text)
    depth = 0
    for sign in bare:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    assert depth == 0
    opened = []
    for word, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if word == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert not opened
    body = re.search(r"\\begin\{tabular\}\{(\w+)\}(.*)\\end\{tabular\}", text, re.S)
    rules = re.sub(r"\\(top|mid|bottom)rule", "", body[2])
    assert rules.count("rule") == 0
    lines = [line.strip() for line in rules.split("\\\\\n") if line.strip()]
    cells = [re.split(r"(?<!\\)&", line) for line in lines]
    assert {len(row) for row in cells} == {len(body[1])}
    return [[cell.strip() for cell in row] for row in cells]


def test_the_latex_table_is_whole(report):
    head, *rows = structure(report.to_latex())
    assert head[0] == "Model" and r"Accuracy (\%)" in head
    shown = tables.rows(report.summary)
    assert len(rows) == len(shown)
    for cells, row in zip(rows, shown, strict=True):
        assert cells[0] == row["model"]
        assert cells[3] == f"{100 * row['accuracy']:.1f}"
        assert cells[-2:] == [str(N), str(row["keys"])]
    assert r"$\ell_\infty$ $8/255$" in rows[1]


def test_a_caption_or_a_label_makes_it_a_float(report):
    bare = report.to_latex()
    assert "table}" not in bare
    whole = report.to_latex(r"Our \emph{result}.", "tab:ours")
    assert structure(whole) == structure(bare)
    assert r"\caption{Our \emph{result}.}" in whole and r"\label{tab:ours}" in whole
    assert r"\caption" not in report.to_latex(label="tab:ours")


def test_what_latex_reads_as_a_command_is_escaped(report):
    rows = structure(report.to_latex())
    (cells,) = [row for row in rows if "PGD\\_1" in row[1]]
    assert cells[1] == (
        r"PGD\_1 \& 50\% of \$x\textasciicircum{}2\$ \{a\} "
        r"\#\textasciitilde{}\textbackslash{} \textless{}\textbar{}\textgreater{}"
    )
    assert latex.escaped("[5]\n*") == "{[}5] *"
    assert r"A\_title: 100\% \& more. Accuracy" in latex.caption(report.summary)
    structure(latex.table(report.summary, latex.caption(report.summary), "tab:x"))


def test_the_csv_has_every_row_and_number(report):
    read = list(csv.DictReader(io.StringIO(report.to_csv())))
    assert tuple(read[0]) == tables.COLUMNS
    shown = tables.rows(report.summary)
    assert len(read) == len(shown)
    for cells, row in zip(read, shown, strict=True):
        assert float(cells["accuracy"]) == row["accuracy"]
        assert float(cells["low"]) <= row["accuracy"] <= float(cells["high"])
        assert int(cells["images"]) == N
        assert cells["attack"] == row["attack"]
    named = {(row["model"], row["key"]): row for row in read}
    assert named["defended", "odd"]["attack"] == TITLE
    assert float(named["defended", "worst"]["worst_of_m"]) == pytest.approx(0.45)
    assert named["undefended", "clean"]["seconds"] == ""


def test_the_markdown_table_has_a_cell_for_every_column(report):
    lines = report.to_markdown().splitlines()
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    assert {len(row) for row in cells} == {12}
    assert len(lines) == 2 + len(tables.rows(report.summary))
    assert "worst of M" in lines[0] and "\\|" in report.to_markdown()


def test_the_rows_follow_the_models():
    rows = tables.rows(Report(example()).summary)
    kinds = [(row["model"], row["kind"]) for row in rows]
    assert kinds == [
        ("undefended", "clean"),
        ("undefended", "attack"),
        ("defended", "clean"),
        *[("defended", "attack")] * 3,
        ("defended", "worst"),
    ]
