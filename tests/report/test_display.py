"""The report as an object: its accuracies, checks, tables, figures and files."""

import dataclasses
import html
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import types
import xml.etree.ElementTree as tree

import numpy as np
import pytest
from PIL import Image
from reported import RADIUS, RESULTS, contents, example, outcomes, result

from purifax import record as records
from purifax.report import Report, display, files, plots
from purifax.report import html as page
from purifax.report.types import Findings

KEYS_OF = {"blind PGD": "blind", "BPDA+EOT": "bpda", "exact PGD+EOT": "exact"}


def keyed(results=RESULTS, **changed):
    """The example with the attacks' own names."""
    named = (
        dataclasses.replace(r, key=KEYS_OF.get(r.attack, "plain")) for r in results
    )
    swept = result("defended", "BPDA+EOT", "bpda", 0.2, radius=0.5, key="bpda")
    return example(**{"results": tuple(named), "sweep": (swept,)} | changed)


@pytest.fixture(scope="module")
def report():
    return Report(keyed())


@pytest.fixture(scope="module")
def saved(report, tmp_path_factory):
    return report.save(tmp_path_factory.mktemp("saved") / "new")


def test_an_accuracy_is_found_by_key_or_title(report):
    by_key, by_title = report.accuracy("bpda"), report.accuracy("BPDA+EOT")
    assert by_key == by_title and by_key.value == pytest.approx(0.7)
    low, high = (float(end) for end in records.wilson(42, 60))
    assert (by_key.low, by_key.high) == pytest.approx((low, high))
    assert (by_key.images, by_key.keys) == (60, 4)
    assert str(by_key) == "70.0% [57.5, 80.1] (60 images, 4 keys)"


def test_clean_and_worst_are_names_of_every_model(report):
    assert report.accuracy("clean").value == pytest.approx(0.9)
    assert report.accuracy("clean", model="undefended").value == pytest.approx(1.0)
    assert report.accuracy("worst").value == pytest.approx(0.45)
    assert report.accuracy("worst", model="undefended") == report.accuracy(
        "plain", model="undefended"
    ), "the worst of one attack is that attack"


def test_a_radius_of_the_sweep_can_be_asked_for(report):
    assert report.accuracy("bpda", radius=0.5).value == pytest.approx(0.2)
    assert report.accuracy("bpda", radius=RADIUS) == report.accuracy("bpda")
    with pytest.raises(ValueError, match=r"no radius 0.1; it has 0.0313725, 0.5"):
        report.accuracy("bpda", radius=0.1)


def test_several_radii_in_the_table_must_be_told_apart():
    wide = result("defended", "BPDA+EOT", "bpda", 0.2, radius=0.5, key="bpda")
    both = Report(keyed(results=(*keyed().results, wide), sweep=()))
    with pytest.raises(ValueError, match="has the radii 0.0313725, 0.5; choose one"):
        both.accuracy("bpda")
    assert both.accuracy("bpda", radius=0.5).value == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("name", "model", "words"),
    [
        ("exakt", "defended", "unknown attack 'exakt'; did you mean 'exact'"),
        ("exact", "defendd", "unknown model 'defendd'; did you mean 'defended'"),
        ("exact", "undefended", "Known: plain, clean, worst"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(report, name, model, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        report.accuracy(name, model=model)


def test_without_a_purifier_the_undefended_model_is_meant():
    bare = Report(example(results=RESULTS[:1], sweep=()))
    assert bare.accuracy("PGD").value == pytest.approx(0.1)
    assert bare.accuracy("clean").value == pytest.approx(1.0)


def test_one_sample_is_found_by_either_of_its_names():
    alone = dataclasses.replace(RESULTS[3], model="one run")
    report = Report(example(results=(*RESULTS, alone)))
    names = [report.accuracy("clean", model=m) for m in ("one run", "one sample")]
    assert names[0] == names[1]
    assert "one sample" in str(report) and "one run" not in str(report)
    assert "one run" in report.summary["models"], "the name in the file stays"


def test_there_is_no_worst_case_over_nothing():
    clean = result("defended", "no attack", "none", 0.9, radius=0.0)
    with pytest.raises(ValueError, match="no worst case: no attack was run"):
        Report(example(results=(clean,), sweep=())).accuracy("worst")
    few = outcomes(0.9, 0.5, images=20)
    other = dataclasses.replace(RESULTS[3], record=few)
    with pytest.raises(ValueError, match="different images or keys"):
        Report(example(results=(RESULTS[1], other))).accuracy("worst")


def test_two_attacks_of_one_title_do_not_clash(tmp_path):
    pair = [
        result("defended", "PGD", "own", a, key=k) for k, a in (("a", 0.6), ("b", 0.3))
    ]
    swept = [
        result("defended", "PGD", "own", 0.1, key=k, radius=0.5) for k in ("a", "b")
    ]
    report = Report(example(results=tuple(pair), sweep=tuple(swept)))
    assert pair[0].name == "defended/a/Linf 8/255" != pair[1].name
    assert [report.accuracy(k).value for k in "ab"] == pytest.approx([0.6, 0.3])
    assert report.accuracy("PGD (a)") == report.accuracy("a")
    drawn = [c for c in report.summary["curves"] if c["picture"] == "strength"]
    assert [line["name"] for line in drawn] == ["PGD (a)", "PGD (b)"]
    again = Report.read(report.save(tmp_path))
    assert [r.key for r in again.findings.results] == ["a", "b"]
    assert again.summary == report.summary
    with pytest.raises(ValueError, match="two results are called"):
        example(results=(pair[0], dataclasses.replace(pair[1], key="a")), sweep=())


def test_an_attack_of_ones_own_is_not_ordered():
    own = result("defended", "mine", "own", 0.2, key="mine")
    report = Report(example(results=(*RESULTS, own)))
    orders = [c for c in report.summary["comparisons"] if c["kind"] == "order"]
    assert orders and not any("mine" in c["first"] + c["second"] for c in orders)
    assert report.accuracy("worst").value == pytest.approx(0.2)
    assert "(mine) and the undefended" in str(report), "it is the strongest"


def test_the_checks_are_rows_of_status_and_sentence(report):
    statuses = {status for status, _ in report.checks}
    assert statuses <= {"pass", "open", "warning", "not run", "not shown"}
    rows = [
        (c["status"], f"{c['name']}. {c['text']}") for c in report.summary["checks"]
    ]
    assert report.checks == rows
    assert report.checks[0].status == report.checks[0][0]


def test_a_terminal_shows_the_table(report):
    assert str(report) == repr(report) == files.text(report.summary)
    assert "worst of M" in str(report)


def framed(markup):
    """The page inside of the frame that a notebook shows."""
    source = re.fullmatch(r'<iframe srcdoc="([^"]*)" style="[^"]*"></iframe>', markup)
    return html.unescape(source[1]) if source else None


def test_a_notebook_shows_the_page(report, saved):
    assert framed(report._repr_html_()) == (saved / "report.html").read_text()


def test_a_notebook_without_the_extra_shows_the_text(report, monkeypatch):
    def missing(module):
        raise ModuleNotFoundError(module)

    monkeypatch.setattr(page.importlib, "import_module", missing)
    assert report._repr_html_() == f"<pre>{html.escape(str(report))}</pre>"


def test_what_is_saved_is_read_again(report, saved):
    again = Report.read(saved)
    assert again.folder == saved and again.summary == report.summary
    assert again.findings.results[2].key == "bpda"
    assert [r.name for r in again.findings.results][2] == "defended/bpda/Linf 8/255"
    written = json.loads((saved / "summary.json").read_text())
    assert written == report.summary
    assert [row["key"] for row in written["attacks"]] == [
        "plain",
        "blind",
        "bpda",
        "exact",
    ]


def test_a_file_without_keys_is_read(saved, tmp_path):
    old = json.loads((saved / "summary.json").read_text())
    for row in (*old["attacks"], *old["sweep"]):
        del row["key"]
    (tmp_path / "summary.json").write_text(json.dumps(old))
    (tmp_path / "record.npz").write_bytes((saved / "record.npz").read_bytes())
    report = Report.read(tmp_path)
    assert {r.key for r in report.findings.results} == {""}
    assert report.accuracy("BPDA+EOT").value == pytest.approx(0.7)


def test_all_files_are_there_and_each_is_what_it_is_called(report, saved):
    found = contents(saved)
    drawn = {"grid", "film", "worst_of"}
    drawn |= {f"accuracy_vs_{x}" for x in ("strength", "runs", "restarts")}
    expected = {f"{name}.png" for name in drawn}
    expected |= {f"figures/{name}.{end}" for name in drawn for end in ("pdf", "svg")}
    plain = "record.npz summary.json report.md report.html table.tex table.csv"
    assert set(found) == expected | set(plain.split())
    assert found["table.csv"].decode() == report.to_csv()
    assert found["table.tex"].decode().startswith("% needs")
    for name, content in found.items():
        if name.endswith(".pdf"):
            assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
            assert b"CreationDate" not in content and b"/Type3" not in content
        if name.endswith(".svg"):
            assert tree.fromstring(content).tag == "{http://www.w3.org/2000/svg}svg"


def test_figures_are_those_that_are_saved(report, saved):
    found, written = report.figures(), contents(saved)
    assert len(found) == 18
    for name, content in found.items():
        where = name if name.endswith(".png") else f"figures/{name}"
        assert written[where] == content
    few = report.figures(formats=("svg",))
    assert few == {n: c for n, c in found.items() if n.endswith(".svg")}
    with pytest.raises(ValueError, match="figures come as png, pdf, svg; got gif"):
        report.figures(formats=("gif",))


def test_another_process_writes_the_same_bytes(saved, tmp_path):
    """Neither the hour nor the hash of strings nor a memory address is in a file."""
    code = "import sys; from purifax.report import Report\n"
    code += "Report.read(sys.argv[1]).save(sys.argv[2])"
    words = [sys.executable, "-c", code, saved, tmp_path / "again"]
    alike = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "PYTHONHASHSEED": "7"}
    subprocess.run(words, check=True, env=os.environ | alike)
    assert contents(tmp_path / "again") == contents(saved)


def test_titles_may_have_any_characters(tmp_path):
    title = "_my $x_1 & |50%| {attack} #1 ~^\\ <b>"
    odd = result("defended", title, "own", 0.4, key="any/thing")
    wide = result("defended", title, "own", 0.1, key="any/thing", radius=0.5)
    pictures = dataclasses.replace(example().pictures, names=("$", "_$a$"))
    findings = example(results=(odd,), sweep=(wide,), pictures=pictures)
    folder = Report(findings).save(tmp_path)
    assert html.escape(title) in (folder / "report.html").read_text()
    shown = r"\_my $x_1 & \|50%\| {attack} #1 ~^\\ &lt;b&gt;"
    assert shown in (folder / "report.md").read_text()
    again = Report.read(folder)
    assert again.findings.results[0].attack == title
    assert again.accuracy("any/thing") == again.accuracy(title)


def test_a_formula_is_printed_as_it_is_written():
    with plots.canvas(3, 1, plots.LIGHT) as figure:
        words = figure.text(0, 0, plots.literal("costs $5 or $6"))
        plots.encoded(figure)
        assert words._preprocess_math(words.get_text())[0] == "costs $5 or $6"


def test_a_frame_needs_pandas(report, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install .purifax\[frames\]"):
        report.to_frame()


def test_a_frame_is_made_of_the_rows_of_the_table(report, monkeypatch):
    """What pandas is given, whether it is installed or not."""
    made = []
    stand_in = types.ModuleType("pandas")
    stand_in.DataFrame = lambda rows, columns: made.append((rows, columns))
    monkeypatch.setitem(sys.modules, "pandas", stand_in)
    report.to_frame()
    ((rows, columns),) = made
    assert columns == report.to_csv().splitlines()[0].split(",")
    assert all(set(columns) <= set(row) for row in rows)


@pytest.mark.skipif(not importlib.util.find_spec("pandas"), reason="no pandas here")
def test_a_frame_has_the_numbers_of_the_table(report):
    frame = report.to_frame().set_index(["model", "key"])
    assert frame.loc[("defended", "bpda"), "accuracy"] == pytest.approx(0.7)
    assert frame["keys"].tolist() == [1, 1, 4, 4, 4, 4, 4]


def test_an_empty_record_is_refused():
    for images, keys in ((0, 2), (2, 0)):
        with pytest.raises(ValueError, match="one of each at least"):
            empty = outcomes(0.9, 0.5, keys=keys, images=images)
            dataclasses.replace(RESULTS[0], record=empty)
    flat = dataclasses.replace(RESULTS[0].record, clean=np.zeros(3, int))
    with pytest.raises(ValueError, match=r"must be \[images, keys\]"):
        dataclasses.replace(RESULTS[0], record=flat)


def test_the_pngs_are_light(saved):
    for path in saved.glob("*.png"):
        corner = Image.open(path).convert("RGB").getpixel((1, 1))
        assert corner == tuple(bytes.fromhex(plots.LIGHT.ground[1:]))


def test_the_type_of_the_findings_is_exported():
    assert isinstance(Report(example()).findings, Findings)


def test_the_report_knows_nothing_of_how_it_was_measured():
    for path in pathlib.Path(display.__file__).parent.glob("*.py"):
        assert not re.search(
            r"import.*\bevaluation\b|purifax\.evaluation", path.read_text()
        )
