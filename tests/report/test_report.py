"""The report: its numbers, its files, and what it says about them."""

import base64
import dataclasses
import io
import json
import math
import re

import browser
import matplotlib
import numpy as np
import pytest
from PIL import Image
from reported import (
    KEYS,
    PROOF,
    RADIUS,
    RESULTS,
    N,
    contents,
    example,
    outcomes,
    result,
)

from purifax import record as records
from purifax.record import Record
from purifax.report import files as report
from purifax.report import html as page
from purifax.report import pages, plots, plots_grid
from purifax.report import records as report_records
from purifax.report.files import Pictures
from purifax.report.sentences import sentences
from purifax.report.summary import summarise
from purifax.report.types import Curve, radius_text

NUMBER = re.compile(r"(?<![\w.#/-])\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?(?![\w/])")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    report.write(folder, example())
    return folder


@pytest.fixture(scope="module")
def summary(written):
    return json.loads((written / "summary.json").read_text())


def leaves(value):
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def test_every_accuracy_has_an_interval_images_and_keys(summary):
    for row in summary["attacks"]:
        for which in ("clean", "attacked"):
            for name in ("average", "vote", "every_key"):
                number = row[which][name]
                low, high = number["interval"]
                assert low <= number["value"] <= high
                assert number["images"] == N and number["keys"] == row["keys"]
            curve = row[which]["worst_of"]
            assert curve["m"] == list(range(1, row["keys"] + 1))
            assert {len(values) for values in curve.values()} == {row["keys"]}


def test_the_summary_holds_the_numbers_of_the_record(summary):
    row = {one["name"]: one for one in summary["attacks"]}
    found = row["defended/BPDA+EOT/Linf 8/255"]["attacked"]
    record = RESULTS[2].record
    assert found["average"]["value"] == pytest.approx(0.7)
    assert found["average"]["interval"] == pytest.approx(
        [float(end) for end in records.wilson(42, 60)]
    )
    assert found["worst_of"]["value"] == pytest.approx(
        records.worst_of(record.attacked, record.label).tolist()
    )
    by_key = (record.attacked == record.label[:, None]).mean(0)
    assert found["deviation"] == pytest.approx(np.std(by_key, ddof=1))
    assert row["undefended/PGD/Linf 8/255"]["attacked"]["deviation"] is None
    vote = records.vote_of(record.attacked, record.label, KEYS, 3)
    assert found["vote"]["value"] == pytest.approx(float(vote))
    assert row["defended/BPDA+EOT/Linf 8/255"]["clean"]["average"]["value"] == (
        pytest.approx(0.9)
    )


def test_the_summary_says_what_was_spent_and_with_which_seeds(summary):
    row = summary["attacks"][2]
    assert row["budget"] == {"steps": 40, "eot": 15, "step_size": 2 / 255}
    assert row["seeds"] == {"attack": 7} and row["radius_text"] == "8/255"
    assert row["cost"] == {"network_evaluations": 1_234_567, "seconds": 12.25}
    assert summary["network_evaluations"] == 5 * 1_234_567
    assert summary["seconds"] == 99.5 and summary["hashes"]["score"] == "sha256:ab12"


def test_models_have_their_clean_accuracy_and_worst_case(summary):
    assert summary["models"]["undefended"]["clean"]["average"]["value"] == (
        pytest.approx(1.0)
    )
    (worst,) = summary["models"]["defended"]["worst_case"]
    assert worst["attacks"] == ["blind PGD", "BPDA+EOT", "exact PGD+EOT"]
    assert worst["attacked"]["average"]["value"] == pytest.approx(0.45)
    assert summary["models"]["undefended"]["worst_case"] == []


def test_strength_curves_start_at_the_clean_accuracy(summary):
    (line,) = [c for c in summary["curves"] if c["picture"] == "strength"]
    assert line["x"] == pytest.approx([0, RADIUS, 0.5])
    assert line["y"] == pytest.approx([0.9, 0.7, 0.2])
    assert (line["model"], line["name"], line["panel"]) == (
        "defended",
        "BPDA+EOT",
        "Linf",
    )
    assert all(
        a <= b <= c
        for a, b, c in zip(line["low"], line["y"], line["high"], strict=True)
    )


def test_strength_curves_use_the_images_that_all_radii_share():
    few = dataclasses.replace(
        result("defended", "BPDA+EOT", "bpda", 0, radius=0.2),
        record=outcomes(1.0, 0.5, distance=0.2, images=20, first=30),
    )
    drawn = summarise(example(sweep=(few,)))["curves"]
    (line,) = [one for one in drawn if one["picture"] == "strength"]
    assert line["images"] == 20
    # Of 60 images the first 54 are right when clean and the first 42 when attacked.
    assert line["y"] == pytest.approx([1.0, 12 / 20, 0.5])


def test_the_record_comes_back_as_it_was(written):
    found = report_records.load(written / "record.npz")
    assert list(found) == [r.name for r in (*RESULTS, *example().sweep)]
    for name, given in zip(found, (*RESULTS, *example().sweep), strict=True):
        for field in dataclasses.fields(Record):
            np.testing.assert_array_equal(
                getattr(found[name], field.name), getattr(given.record, field.name)
            )
    shown, given = (
        report_records.load_pictures(written / "record.npz"),
        example().pictures,
    )
    np.testing.assert_allclose(shown.purified, given.purified)
    assert (shown.attack, shown.names) == ("PGD", ("a", "b"))
    np.testing.assert_allclose(shown.film, given.film)
    assert shown.steps == (0, 5)


def test_a_report_made_again_is_the_same(written):
    before = contents(written)
    assert any(name.endswith(".svg") for name in before)
    report.rebuild(written)
    assert contents(written) == before


def test_pictures_have_the_size_they_are_drawn_at(written):
    sizes = {
        "film.png": (1.1 + 1.1 * 3, 0.35 + 1.1 * 2),
        "grid.png": (1.5 + 1.1 * 5, 0.35 + 3 * 1.3 + 2 * 1.1),
        "accuracy_vs_strength.png": (6.0, 4.3),
        "accuracy_vs_runs.png": (6.8, 4.3),
        "accuracy_vs_restarts.png": (6.0, 4.3),
        "worst_of.png": (6.0, 4.3),
    }
    assert {path.name for path in written.glob("*.png")} == set(sizes)
    for name, inches in sizes.items():
        picture = Image.open(written / name).convert("RGB")
        np.testing.assert_allclose(picture.size, np.array(inches) * plots.DPI, atol=1)
        assert len(picture.getcolors(1 << 20)) > 20


def test_differences_are_around_grey_and_on_one_scale():
    clean = np.full((1, 4, 4, 1), 0.5)
    attacked, purified = clean + 0.1, clean - 0.05
    rows = plots_grid.rows(Pictures(clean, attacked, purified, *np.zeros((4, 1), int)))
    titles, layers = [row[0] for row in rows], [row[1] for row in rows]
    assert titles[2] == "attacked − clean\n× 5" and titles[4] == "purified − clean\n× 5"
    np.testing.assert_allclose(layers[2], 1.0, atol=1e-5)
    np.testing.assert_allclose(layers[4], 0.25, atol=1e-5)


def test_the_film_shows_each_state_where_it_belongs():
    clean = np.zeros((1, 4, 4, 1))
    states = np.array([0.25, 0.5, 1.0]).reshape(1, 3, 1, 1, 1) * np.ones((4, 4, 1))
    given = (clean, clean, states[:, -1], *np.zeros((4, 1), int))
    film = plots_grid.film(Pictures(*given, film=states, steps=(0, 3, 6)), plots.LIGHT)
    picture = np.asarray(Image.open(io.BytesIO(film["png"])).convert("L"))
    middles = (1.1 + 1.1 * np.arange(4) + 0.5) * plots.DPI
    shades = picture[int((0.35 + 0.5) * plots.DPI), middles.astype(int)]
    np.testing.assert_allclose(shades, [0, 64, 128, 255], atol=1)
    assert plots_grid.film(Pictures(*given), plots.LIGHT) is None, "no states"


def test_pictures_of_an_earlier_version_are_read(tmp_path):
    images = np.full((3, 2, 4, 4, 1), 0.5)
    shown = Pictures(*images, *np.zeros((4, 2), int), names=("a",))
    report_records.save(tmp_path / "record.npz", {}, shown)
    with np.load(tmp_path / "record.npz") as file:
        old = {name: file[name] for name in file.files if "steps" not in name}
    assert not any(name.endswith("film") for name in old)
    np.savez(tmp_path / "record.npz", **old)
    again = report_records.load_pictures(tmp_path / "record.npz")
    assert again.film is None and again.steps == () and again.names == ("a",)


def test_wrong_answers_are_marked_in_the_grid():
    images = np.full((3, 1, 4, 4, 1), 0.5)
    right, wrong = (
        plots_grid.grid(
            Pictures(*images, *np.array([[1], [1], [1], [answer]])), plots.LIGHT
        )["png"]
        for answer in (1, 2)
    )
    orange = tuple(bytes.fromhex(plots.LIGHT.wrong[1:]))
    for png, expected in ((right, False), (wrong, True)):
        colours = Image.open(io.BytesIO(png)).convert("RGB").getcolors(1 << 20)
        assert (orange in {colour for _, colour in colours}) == expected


def visible(html):
    """The words of a page, without its style and tags."""
    body = re.sub(r"<style>.*?</style>", "", html, flags=re.S)
    return re.sub(r"&\w+;|<[^>]*>", " ", body)


@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_every_number_of_the_page_is_in_the_summary(written, summary, name):
    text = (written / name).read_text()
    if name.endswith("html"):
        text = visible(text)
    allowed = {"95", "0", "100"}
    for value in leaves(summary):
        if isinstance(value, str):
            allowed |= set(NUMBER.findall(value))
        elif value is not None:
            forms = (
                f"{100 * value:.1f}",
                f"{value:,.1f}",
                f"{value:,}",
                f"{value:.4g}",
            )
            allowed |= {*forms, str(value)}
    found = set(NUMBER.findall(text))
    assert len(found) > 40
    assert found <= allowed, found - allowed


@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_the_page_shows_the_main_numbers(written, summary, name):
    page = (written / name).read_text()
    for row in summary["attacks"]:
        number = row["attacked"]["average"]
        low, high = (f"{100 * end:.1f}" for end in number["interval"])
        assert f"{100 * number['value']:.1f}%" in page and f"[{low}, {high}]" in page
        assert row["attack"] in page
    assert all(f"{check['name']}" in page for check in summary["checks"])
    assert "1,234,567" in page and "sha256:ab12" in page and "a note" in page


def test_the_page_is_made_of_the_summary_alone(summary):
    changed = json.loads(json.dumps(summary))
    changed["attacks"][3]["attacked"]["average"]["value"] = 0.4321
    assert "43.2%" not in pages.markdown(summary, {})
    assert "43.2%" in pages.markdown(changed, {})


def test_the_html_needs_nothing_from_outside(written):
    page = (written / "report.html").read_text()
    words = re.sub(r"base64,[^\"]+", "base64,", page)
    assert not re.search(r"https?:|//[a-z]|@import|url\(|<script|<link", words)
    references = re.findall(r'(?:src|srcset|href)="([^"]{0,22})', page)
    assert len(references) == 12
    assert all(r == "data:image/png;base64," for r in references)
    assert "prefers-color-scheme: dark" in page and "width=device-width" in page
    assert "A &lt;small&gt; &amp; honest report" in page


def test_dark_pictures_are_dark(written):
    page = (written / "report.html").read_text()
    dark = re.findall(r'srcset="data:image/png;base64,([^"]+)"', page)
    assert len(dark) == 6
    for code in dark:
        picture = Image.open(io.BytesIO(base64.b64decode(code))).convert("RGB")
        assert picture.getpixel((1, 1)) == tuple(bytes.fromhex(plots.DARK.ground[1:]))


def test_the_table_is_aligned():
    lines = report.table(RESULTS).splitlines()
    head, rule, *rows = lines
    assert len(rows) == 2 + len(RESULTS)
    ends = [m.end() for m in re.finditer(r"-+", rule)]
    starts = [m.start() for m in re.finditer(r"-+", rule)]
    for name in ("accuracy", "95% interval", "images", "keys"):
        column = next(i for i, end in enumerate(ends) if head[:end].endswith(name))
        for row in rows:
            assert row[ends[column] - 1] != " " and row[starts[column] - 1] == " "
    assert re.search(r"^defended +exact PGD\+EOT +Linf 8/255 +45.0% ", lines[-1])
    assert lines[2].split()[:3] == ["undefended", "no", "attack"]


def test_the_terminal_text_has_table_reading_and_checks(summary):
    text = report.text(summary)
    assert "worst of these 3" in text and "overestimates" in text and "checks\n" in text
    assert max(map(len, text.splitlines())) <= 120


def read_out(**changed):
    return [said["text"] for said in summarise(example(**changed))["reading"]]


def status(name, evaluation):
    found = [c for c in summarise(evaluation)["checks"] if name in c["name"]]
    return found[0]["status"], found[0]["text"]


def test_the_reading_says_what_each_attack_overestimates(summary):
    text = "\n".join(said["text"] for said in summary["reading"])
    assert re.search(
        r"BPDA\+EOT overestimates the defended accuracy by 25\.0 points relative to "
        r"exact PGD\+EOT \(paired 95% interval \[\d+\.\d, \d+\.\d\], 60 images\)",
        text,
    )
    cost = re.search(
        r"purification costs 10\.0 points \(paired 95% interval \[(\S+), (\S+)\],", text
    )
    assert cost and 0 < float(cost[1]) < 10 < float(cost[2]) and "90.0%" in text
    assert re.search(r"strongest attack .* 45\.0% .*\(exact PGD\+EOT\)", text)
    assert "purification gives 35.0 points" in text
    assert "Submitted 4 times" in text and "no attack at all" in text
    assert all(said["level"] == "finding" for said in summary["reading"])


def test_an_exact_attack_weaker_than_bpda_is_a_warning():
    weak = result("defended", "exact PGD+EOT", "exact", 0.85)
    evaluation = example(results=(*RESULTS[:3], weak))
    state, text = status("exact PGD+EOT leaves no more", evaluation)
    assert state == "warning" and "Suspect exact PGD+EOT" in text
    warnings = [
        w["text"] for w in summarise(evaluation)["reading"] if w["level"] == "warning"
    ]
    assert any(
        "exact PGD+EOT leaves no more accuracy than BPDA+EOT" in w for w in warnings
    )


def test_a_difference_inside_its_interval_is_not_claimed():
    near = result("defended", "exact PGD+EOT", "exact", 0.7)
    evaluation = example(results=(*RESULTS[:3], near))
    assert status("exact PGD+EOT leaves no more", evaluation)[0] == "open"
    assert any(
        "are not told apart" in text for text in read_out(results=evaluation.results)
    )


def test_a_defence_without_an_exact_attack_is_warned_about():
    assert status("exact gradient", example())[0] == "pass"
    state, text = status("exact gradient", example(results=RESULTS[:3]))
    assert state == "warning" and "upper bound" in text


@pytest.mark.parametrize(
    ("name", "changed", "expected"),
    [
        ("raises accuracy", {"attacked": 0.99}, "warning"),
        ("within its radius", {"record": outcomes(0.9, 0.5, distance=0.1)}, "warning"),
        (
            "within its radius",
            {"record": outcomes(0.9, 0.5, distance=np.nan)},
            "warning",
        ),
        ("not moved", {"record": outcomes(0.9, 0.5, distance=0.0)}, "warning"),
        ("not moved", {"record": outcomes(0.9, 0.9, distance=0.0)}, "pass"),
        ("not moved", {}, "not run"),
        ("falls as the radius", {}, "not run"),
        ("no more than chance", {}, "not run"),
        ("finite numbers", {}, "pass"),
        ("black-box attack", {}, "not run"),
    ],
)
def test_a_check_answers_to_what_it_checks(name, changed, expected):
    one = result(*("defended", "PGD", "exact"), **{"attacked": 0.5} | changed)
    assert status(name, example(results=(one,), sweep=()))[0] == expected


@pytest.mark.parametrize(
    ("changed", "expected", "words"),
    [
        ({}, "pass", "10 recomputed states equal the stored ones bit for bit"),
        ({}, "pass", "0.4% of its length in the median and by 3.0% in the worst"),
        ({"state_gap": 6e-9}, "pass", "to 6e-09; the gradient"),
        ({"same_states": False}, "warning", "Contradicted by the states."),
        (
            {"same_when_stored": False, "slopes_agree": False, "median": math.nan},
            "warning",
            "Contradicted by recomputation, the finite differences.",
        ),
    ],
)
def test_the_proof_of_the_gradient_is_a_line_of_the_checklist(changed, expected, words):
    evaluation = example(gradient=PROOF | changed)
    state, text = status("program that is evaluated", evaluation)
    assert state == expected and words in text
    warned = any(
        "program that is evaluated" in said for said in read_out(**vars(evaluation))
    )
    assert warned is (expected == "warning")


def test_without_a_proof_the_checklist_says_so(tmp_path):
    assert status("program that is evaluated", example())[0] == "not run"
    report.write(tmp_path, example(gradient=PROOF))
    assert report.read(tmp_path).gradient == PROOF
    stored = json.loads((tmp_path / "summary.json").read_text())
    del stored["gradient"]
    (tmp_path / "summary.json").write_text(json.dumps(stored))
    assert report.read(tmp_path).gradient == {}, "of an earlier version"


@pytest.mark.parametrize(("left", "expected"), [(0.9, "warning"), (0.3, "pass")])
def test_the_sweep_is_checked(left, expected):
    sweep = (result("defended", "exact PGD+EOT", "exact", left, radius=0.5),)
    evaluation = example(sweep=sweep)
    assert status("falls as the radius", evaluation)[0] == expected
    assert status("no more than chance", evaluation)[0] == expected


def test_no_attack_at_all_can_be_reported(tmp_path):
    none = result("defended", "no attack", "none", 0.9, radius=0.0, seconds=math.nan)
    summary = report.write(tmp_path, example(results=(none,), sweep=(), pictures=None))
    assert summary["comparisons"] == [] and "no attack" in report.text(summary)
    assert not (tmp_path / "grid.png").exists()
    assert not (tmp_path / "accuracy_vs_strength.png").exists()


def test_what_is_not_finite_is_null_and_a_dash(tmp_path):
    odd = result("defended", "PGD", "exact", 0.5, seconds=math.nan, evaluations=None)
    odd = dataclasses.replace(odd, record=outcomes(0.9, 0.5, distance=math.nan))
    gap = Curve(
        "restarts",
        "PGD",
        (0.0, 1.0),
        (0.5, math.nan),
        (0.4, math.nan),
        (0.6, math.nan),
        60,
        4,
    )
    evaluation = example(results=(odd,), sweep=(), curves=(gap,), seconds=math.inf)
    report.write(tmp_path, evaluation)
    raw = (tmp_path / "summary.json").read_text()
    assert "NaN" not in raw and "Infinity" not in raw
    summary = json.loads(raw)
    assert summary["attacks"][0]["distance"] == {"median": None, "largest": None}
    assert summary["curves"][0]["y"] == [0.5, None] and summary["seconds"] is None
    page = (tmp_path / "report.md").read_text()
    assert re.search(r"\| – \| – \|$", page, re.M) and "None" not in page
    again = report.read(tmp_path)
    assert math.isnan(again.results[0].seconds) and math.isnan(again.curves[0].y[1])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: result("defended", "PGD", "exat", 0.5), "did you mean 'exact'"),
        (lambda: result("defended", "PGD", "exact", 0.5, threat="linf"), "'Linf'"),
        (lambda: result("defended", "PGD", "exact", 0.5, radius=-0.1), "0 or more"),
        (lambda: example(results=()), "one result"),
        (lambda: example(results=(RESULTS[0],) * 2), "two results are called"),
        (lambda: report.curve("run", "vote", [1], np.ones((2, 1))), "'runs'"),
        (lambda: report.curve("runs", "votes", [1], np.ones((2, 1))), "'vote'"),
        (
            lambda: report.curve("restarts", "a", [1, 2], np.ones((2, 1))),
            "column per point",
        ),
        (
            lambda: example(
                curves=(report.curve("strength", "a", [1], np.ones((2, 1))),)
            ),
            "`sweep`",
        ),
        (lambda: Pictures(*np.ones((3, 2, 4, 4, 2)), *np.ones((4, 2))), "1 or 3"),
        (lambda: Pictures(*np.ones((3, 2, 4, 4, 1)), *np.ones((4, 3))), "`label`"),
        (
            lambda: Pictures(
                *np.ones((3, 2, 4, 4, 1)), *np.ones((4, 2)), film=None, steps=(0,)
            ),
            "`film` must be [F, 1]",
        ),
    ],
)
def test_wrong_input_is_refused(make, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        make()


def test_a_record_that_does_not_fit_is_refused():
    good = outcomes(0.9, 0.5)
    with pytest.raises(ValueError, match="`attacked` has shape"):
        result(
            "defended",
            "PGD",
            "exact",
            0,
            record=dataclasses.replace(good, attacked=good.clean[:, :2]),
        )
    with pytest.raises(ValueError, match="index occurs twice"):
        result(
            "defended",
            "PGD",
            "exact",
            0,
            record=dataclasses.replace(good, index=good.index * 0),
        )


def test_a_folder_without_a_report_is_named(tmp_path, written):
    with pytest.raises(FileNotFoundError, match=r"has no summary\.json"):
        report.read(tmp_path)
    with pytest.raises(ValueError, match="is a file"):
        report.read(written / "report.md")
    with pytest.raises(ValueError, match="is a file"):
        report.write(written / "report.md", example())


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("summary.json", b'{"schema": 0}', "has schema 0"),
        ("summary.json", b"[]", "has schema None"),
        ("summary.json", b"{", "not valid JSON"),
        ("summary.json", b'{"schema": 1}', "do not fit each other; 'title' is missing"),
        ("record.npz", b"not a zip", "record.npz cannot be read"),
        ("record.npz", b"", "record.npz cannot be read"),
    ],
)
def test_damaged_files_are_named(written, tmp_path, file, content, words):
    for name in ("summary.json", "record.npz"):
        (tmp_path / name).write_bytes((written / name).read_bytes())
    (tmp_path / file).write_bytes(content)
    with pytest.raises(ValueError, match=words):
        report.read(tmp_path)


WRONG = {
    "title of 3": (("title",), 3),
    "dataset of a list": (("dataset",), []),
    "command null": (("command",), None),
    "settings of a list": (("settings",), [1]),
    "seconds in words": (("seconds",), "9"),
    "classes in words": (("classes",), "ten"),
    "classes of 1": (("classes",), 1),
    "attacks of a number": (("attacks",), 3),
    "attack of a word": (("attacks", 0), "PGD"),
    "radius in words": (("attacks", 0, "radius"), "8/255"),
    "radius of a flag": (("attacks", 0, "radius"), True),
    "unknown threat": (("attacks", 0, "threat"), "L7"),
    "cost of a list": (("attacks", 0, "cost"), []),
    "calls in words": (("attacks", 0, "cost", "network_evaluations"), "many"),
    "models of a list": (("models",), []),
    "notes of a number": (("notes",), 7),
    "probe of words": (("probe",), {"norm": ["a"]}),
    "gradient of words": (("gradient",), {"width": "small"}),
    "curve of words": (("curves", -1, "x"), ["a"]),
    "curve of images": (("curves", -1, "images"), "all"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_summary_of_wrong_types_is_one_line_that_names_it(written, tmp_path, case):
    (*path, last), value = WRONG[case]
    summary = json.loads((written / "summary.json").read_text())
    inside = summary
    for step in path:
        inside = inside[step]
    inside[last] = value
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    (tmp_path / "record.npz").write_bytes((written / "record.npz").read_bytes())
    with pytest.raises(ValueError, match=r"summary\.json") as error:
        report.read(tmp_path)
    assert "\n" not in str(error.value)


def test_a_record_of_another_evaluation_is_refused(written, tmp_path):
    (tmp_path / "summary.json").write_bytes((written / "summary.json").read_bytes())
    report_records.save(tmp_path / "record.npz", {"other": RESULTS[0].record})
    with pytest.raises(ValueError, match="PGD/Linf 8/255' is missing"):
        report.read(tmp_path)


def test_a_file_that_is_no_record_is_refused(tmp_path):
    np.savez(tmp_path / "record.npz", images=np.zeros(3))
    with pytest.raises(ValueError, match="not a file of records"):
        report_records.load(tmp_path / "record.npz")
    with pytest.raises(ValueError, match="cannot be called"):
        report_records.save(tmp_path / "record.npz", {"pictures": RESULTS[0].record})


def test_numbers_are_saved_even_where_matplotlib_is_missing(
    tmp_path, monkeypatch, capsys
):
    def missing(module):
        raise ModuleNotFoundError(module)

    monkeypatch.setattr(page.importlib, "import_module", missing)
    report.write(tmp_path, example())
    assert len(report.read(tmp_path).results) == len(RESULTS)
    told = capsys.readouterr().err.splitlines()
    assert [line.split()[2] for line in told] == ["figures", "report.md", "report.html"]
    assert all("pip install 'purifax[report]'" in line for line in told)


def test_a_figure_that_fails_costs_neither_the_others_nor_the_page(
    tmp_path, monkeypatch, capsys
):
    def fails(*arguments):
        raise RuntimeError("no font\nof this name")

    monkeypatch.setattr(report.figures.plots_grid, "grid", fails)
    report.write(tmp_path, example())
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "warning: no grid.png (RuntimeError: no font of this name); all numbers are "
        "written."
    )
    assert not (tmp_path / "grid.png").exists() and (tmp_path / "film.png").exists()
    assert "film.png" in (tmp_path / "report.md").read_text()
    assert "grid.png" not in (tmp_path / "report.md").read_text()
    assert (tmp_path / "report.html").exists()


def test_settings_of_the_user_do_not_change_a_figure(tmp_path):
    with matplotlib.rc_context({"text.usetex": True, "lines.linewidth": 9}):
        report.write(tmp_path / "other", example())
    report.write(tmp_path / "plain", example())
    for name in ("film.png", "worst_of.png", "report.html"):
        one, other = (tmp_path / folder / name for folder in ("plain", "other"))
        assert one.read_bytes() == other.read_bytes()


def test_reading_needs_the_summary_alone(summary):
    assert sentences(summary) == summary["reading"]


@pytest.mark.parametrize(
    ("radius", "text"),
    [
        (0.15, "0.15"),
        (8 / 255, "8/255"),
        (0.0, "0"),
        (0.5, "0.5"),
        (0.01234, "0.01234"),
    ],
)
def test_radii_are_written_as_people_write_them(radius, text):
    assert radius_text(radius) == text
    assert radius_text(float(np.float32(radius))) == text


needs_browser = pytest.mark.skipif(not browser.find(), reason="no browser here")


@needs_browser
def test_a_browser_shows_the_page_whole(written, tmp_path):
    seen = browser.look(written / "report.html", tmp_path / "b", width=500, dark=True)
    assert seen["title"] == "A <small> & honest report"
    assert (seen["images"], seen["broken"], seen["unnamed"]) == (6, 0, 0)
    assert not (seen["console"] or seen["troubles"] or seen["requests"])
    assert seen["tables"] >= 1 and seen["text"] > 1000 and seen["too_wide"] <= 0


@needs_browser
def test_the_browser_tells_what_is_wrong_with_a_page(tmp_path):
    page = tmp_path / "bad.html"
    image = '<img src="http://example.org/a.png">'
    wide = '<p style="width: 3000px">x</p><script>console.error("oh"); no()</script>'
    page.write_text(f"<html><head></head><body>{image}{wide}</body></html>")
    seen = browser.look(page, tmp_path / "b")
    assert (seen["broken"], seen["unnamed"]) == (1, 1) and seen["too_wide"] > 0
    assert seen["requests"] == ["http://example.org/a.png"]
    assert len(seen["troubles"]) == 2 and len(seen["console"]) == 2
