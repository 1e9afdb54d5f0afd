"""Evaluations side by side: the same images, paired."""

import csv
import json
import re
from types import MappingProxyType

import browser
import numpy as np
import pytest

from purifax.record import Record
from purifax.report import compare, compare_page, records
from purifax.report.summary import summarise
from purifax.report.types import Findings, Result
from purifax.run import workdir

pytest.importorskip("matplotlib")
N, KEYS = 20, 2


def record(clean, attacked, first=0):
    """The first images are right under both keys, as many as told."""
    label = np.arange(N) % 3

    def answers(right):
        hit = np.arange(N)[:, None] < np.full((N, KEYS), right)
        return np.where(hit, label[:, None], (label[:, None] + 1) % 3)

    index, distance = np.arange(N) + first, np.full(N, 0.1, np.float32)
    return Record(index, label, answers(clean), answers(attacked), distance)


def result(attack, gradient, clean, attacked, first, radius):
    where = {"threat": "Linf", "radius": 0.0 if gradient == "none" else radius}
    return Result(
        model="defended",
        attack=attack,
        gradient=gradient,
        **where,
        record=record(clean, attacked, first),
        budget={},
        seeds={},
        seconds=4.0,
        evaluations=N * 70,
    )


def evaluation(
    folder,
    clean,
    blind,
    exact,
    first=0,
    radius=0.1,
    dataset="digits",
    model=None,
    sigma=0.1,
    swept=MappingProxyType({}),
):
    rows = [("no attack", "none", clean), ("blind PGD", "blind", blind)]
    if exact is not None:
        rows.append(("exact PGD", "exact", exact))
    whole = Findings(
        title="t",
        dataset=dataset,
        num_classes=3,
        results=tuple(
            result(attack, gradient, clean, right, first, radius)
            for attack, gradient, right in rows
        ),
        sweep=tuple(
            result("exact PGD", "exact", clean, right, first, radius=wide)
            for wide, right in swept.items()
        ),
        models={"defended": model or f"the purifier of {folder.name}"},
        seeds={},
        versions={"jax": "1"},
        hashes={},
        settings={"defence.sigma": sigma},
        seconds=1.0,
        command="c",
    )
    folder.mkdir()
    named = {one.name: one.record for one in (*whole.results, *whole.sweep)}
    records.save(folder / "record.npz", named)
    workdir.write_json(folder / "summary.json", summarise(whole))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("compared")
    return [
        evaluation(root / "one", 18, 12, 8, swept={0.2: 3}),
        evaluation(root / "two", 16, 14, 5, first=3, model="a <purifier>"),
    ]


@pytest.fixture(scope="module")
def compared(folders, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    compare.compare(folders, out, "the command")
    return out


def test_every_attack_of_every_evaluation_has_a_row(compared):
    with (compared / "comparison.csv").open() as file:
        rows = {(r["evaluation"], r["attack"]): r for r in csv.DictReader(file)}
    found = {name: float(row["accuracy"]) for name, row in rows.items()}
    assert found == {
        ("one", "no attack"): 0.9,
        ("one", "blind PGD"): 0.6,
        ("one", "exact PGD"): 0.4,
        ("one", "worst case"): 0.4,
        ("two", "no attack"): 0.8,
        ("two", "blind PGD"): 0.7,
        ("two", "exact PGD"): 0.25,
        ("two", "worst case"): 0.25,
    }
    assert rows["one", "worst case"]["seconds_an_image"] == "0.4"
    assert rows["one", "no attack"]["network_evaluations_an_image"] == "70.0"


def test_differences_are_paired_on_the_common_images(compared):
    found = json.loads((compared / "comparison.json").read_text())["differences"]
    exact = next(one for one in found if one["attack"] == "exact PGD")
    # In common are 3 .. 19: of those both have 3 .. 7 right.
    assert exact["difference"]["images"] == 17
    assert exact["difference"]["value"] == 0.0
    blind = next(one for one in found if one["attack"] == "blind PGD")
    # "one" has 3 .. 11 right, "two" 3 .. 16.
    assert blind["first"] == "two"
    np.testing.assert_allclose(blind["difference"]["value"], 5 / 17, rtol=1e-6)
    assert blind["mcnemar"]["only_first"] == 5
    assert blind["mcnemar"]["only_second"] == 0


def test_the_page_shows_cost_and_descriptions(compared):
    page = (compared / "comparison.md").read_text()
    assert "| one | 90.0% " in page and "a &lt;purifier&gt;" in page
    assert "| 70 | 100.0 |" in page
    assert (compared / "comparison.png").stat().st_size > 1000


def test_curves_of_every_evaluation_are_kept(compared):
    found = json.loads((compared / "comparison.json").read_text())["curves"]
    lines = {(one["picture"], one["panel"], one["name"]): one for one in found}
    own = "worst case of its own attacks"
    assert set(lines) == {
        ("strength", "exact PGD", "one"),
        *(("worst_of", p, n) for p in ("no attack", own) for n in ("one", "two")),
    }
    np.testing.assert_allclose(lines["worst_of", own, "one"]["y"], [0.4, 0.4])
    strength = lines["strength", "exact PGD", "one"]
    np.testing.assert_allclose(strength["x"], [0, 0.1, 0.2], rtol=1e-6)
    np.testing.assert_allclose(strength["y"], [0.9, 0.4, 0.15], rtol=1e-6)


def test_the_html_is_made_of_the_json_alone(compared):
    found = json.loads((compared / "comparison.json").read_text())
    page = compare_page.html(found, {}, {})
    for row in found["rows"]:
        ends = f"[{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
        assert f"{100 * row['accuracy']:.1f}%" in page and ends in page
    assert "a &lt;purifier&gt;" in page and "a <purifier>" not in page
    for checks in found["checks"].values():
        assert len(checks) > 5 and all(c["name"] in page for c in checks)
    assert "one keeps the most: 40.0% [" in page
    found["rows"][0]["accuracy"] = 0.4321
    found["differences"][0]["difference"]["value"] = -0.1234
    changed = compare_page.html(found, {}, {})
    assert "43.2%" in changed and "43.2%" not in page
    assert "-12.3" in changed and "-12.3" not in page


def test_warnings_and_unlike_attacks_stand_first(folders, tmp_path):
    few = evaluation(tmp_path / "few", 18, 12, None)
    weak = evaluation(tmp_path / "weak", 18, 8, 16)
    compare.compare([few, weak, *folders], tmp_path / "out", "c")
    page = (tmp_path / "out" / "comparison.html").read_text()
    assert "They were not attacked alike" in page and "keeps the most" not in page
    assert re.search(r"Warning. weak has warnings.*: exact PGD leaves no more", page)
    assert page.count("<details open>") == 2, (
        "of few, without an exact attack, and weak"
    )


def test_the_html_needs_nothing_from_outside(compared):
    page = (compared / "comparison.html").read_text()
    words = re.sub(r"base64,[^\"]+", "base64,", page)
    assert not re.search(r"https?:|//[a-z]|@import|url\(|<script|<link", words)
    references = re.findall(r'(?:src|srcset|href)="([^"]{0,22})', page)
    assert references == ["data:image/png;base64,"] * 6
    text = (compared / "comparison.md").read_text()
    for name in compare_page.FILES.values():
        assert (compared / name).stat().st_size > 1000 and f"({name})" in text


@pytest.mark.skipif(not browser.find(), reason="no browser here")
def test_a_browser_shows_the_page_whole(compared, tmp_path):
    page = compared / "comparison.html"
    seen = browser.look(page, tmp_path / "b", width=500, dark=True)
    assert seen["title"] == "digits: 2 evaluations"
    assert (seen["images"], seen["broken"], seen["unnamed"]) == (3, 0, 0)
    assert not (seen["console"] or seen["troubles"] or seen["requests"])
    assert seen["tables"] == 3 and seen["text"] > 1000 and seen["too_wide"] <= 0


def test_attacks_on_one_model_are_ranked_against_the_strongest(tmp_path):
    folders = [
        evaluation(tmp_path / "weak", 18, 12, 8, model="the same"),
        evaluation(tmp_path / "strong", 18, 11, 5, model="the same"),
        evaluation(tmp_path / "else", 18, 9, 1, model="another"),
        evaluation(tmp_path / "set", 18, 9, 1, model="the same", sigma=0.2),
    ]
    compare.compare(folders, tmp_path / "out", "c")
    found = json.loads((tmp_path / "out" / "comparison.json").read_text())
    rows = found["overestimates"]
    assert [(r["evaluation"], r["attack"]) for r in rows] == [
        ("weak", "blind PGD"),
        ("strong", "blind PGD"),
        ("weak", "exact PGD"),
        ("strong", "exact PGD"),
    ]
    assert [row["strongest"] for row in rows] == [False, False, False, True]
    above = [row["above"]["value"] for row in rows]
    np.testing.assert_allclose(above, [7 / 20, 6 / 20, 3 / 20, 0], rtol=1e-6, atol=1e-7)
    page = (tmp_path / "out" / "comparison.md").read_text()
    assert "On the same (weak):" in page and "On another" not in page
    assert "| +35.0 [" in page and "| strongest |" in page


def test_a_first_evaluation_without_the_last_attack_is_compared(folders, tmp_path):
    few = evaluation(tmp_path / "few", 18, 12, None)
    compare.compare([few, *folders], tmp_path / "out", "c")
    page = (tmp_path / "out" / "comparison.md").read_text()
    assert "Linf 0.1" in page or "L∞ 0.1" in page


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"radius": 0.2}, "the radius of one is 0.1 and that of other 0.2"),
        ({"dataset": "mnist"}, "the images of one is digits"),
        ({"first": 1000}, "no images in common"),
        ({"first": 1}, "other labels"),
    ],
)
def test_what_cannot_be_compared_is_refused(folders, tmp_path, changed, words):
    other = evaluation(tmp_path / "other", 18, 12, 8, **changed)
    with pytest.raises(ValueError, match=words):
        compare.compare([folders[0], other], tmp_path / "out", "c")
    assert not (tmp_path / "out").exists()


def test_one_evaluation_is_no_comparison(folders, tmp_path):
    with pytest.raises(ValueError, match="two work directories"):
        compare.compare(folders[:1], tmp_path, "c")
    with pytest.raises(ValueError, match="one of those"):
        compare.compare(folders, folders[0], "c")
    with pytest.raises(FileNotFoundError, match=r"no summary\.json"):
        compare.compare([folders[0], tmp_path], tmp_path / "out", "c")
