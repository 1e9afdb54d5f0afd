"""A check that had nothing to look at does not pass."""

import dataclasses
import math

import numpy as np
import pytest
from reported import PROOF, RESULTS, N, contents, example, outcomes, result

from purifax.report import Report, checklist, checklist_gradient, compare_page
from purifax.report.comparisons import FEWEST, paired
from purifax.report.summary import summarise
from purifax.report.types import NO_ANSWER, curve
from purifax.report.words import STATUSES

PROBE = {
    "zero": (0.0,) * 20,
    "finite": (1.0,) * 20,
    "cosine": (0.9,) * 20,
    "gain": (0.2,) * 20,
    "gain_random": (0.0,) * 20,
    "promised": (0.25,) * 20,
    "spread": (0.3,) * 20,
    "probabilities": (0.0,) * 20,
}


def row(name, findings):
    """Status and text of the one row whose name has these words."""
    (found,) = [c for c in summarise(findings)["checks"] if name in c["name"]]
    return found["status"], found["text"]


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({}, "pass", "10 recomputed states"),
        ({"states": 0.0}, "not shown", "no proof, because no state was recomputed"),
        ({"length": 0.0}, "not shown", "because the gradient is zero everywhere"),
        (
            {"median": math.nan, "slopes_agree": False},
            "not shown",
            "because the finite differences are not finite",
        ),
        ({"worst": math.inf}, "not shown", "finite differences are not finite"),
        ({"width": math.nan}, "not shown", "finite differences are not finite"),
        (
            {"states": 0.0, "length": 0.0},
            "not shown",
            "no state was recomputed and the gradient is zero everywhere",
        ),
        ({"states": 0.0, "slopes_agree": False}, "warning", "the finite differences"),
        ({"length": 0.0, "slopes_agree": False}, "warning", "the finite differences"),
        (
            {"same_when_stored": False, "median": math.nan},
            "warning",
            "Contradicted by recomputation",
        ),
        ({"state_gap": math.nan, "same_states": False}, "warning", "the states"),
    ],
)
def test_a_proof_that_compared_nothing_is_not_shown(changed, status, words):
    found, text = row("The exact gradient", example(gradient=PROOF | changed))
    assert found == status and words in text
    assert " 0 recomputed" not in text


def test_a_proof_of_nothing_stays_one_when_it_is_read_again(tmp_path):
    nothing = PROOF | {"median": math.nan, "slopes_agree": False}
    report = Report(example(gradient=nothing, curves=(), pictures=None, sweep=()))
    again = Report.read(report.save(tmp_path))
    assert again.checks == report.checks
    assert "not shown" in {status for status, _ in again.checks}
    assert "| not shown |" in (tmp_path / "report.md").read_text()
    page = (tmp_path / "report.html").read_text()
    assert 'class="not-shown"' in page and "∅ not shown" in page
    assert "  not shown The exact" in str(again)
    assert contents(again.save(tmp_path / "b")) == {
        name: content
        for name, content in contents(tmp_path).items()
        if not name.startswith("b/")
    }


def alone(**changed):
    """One exact attack on the defended model and nothing else."""
    one = result("defended", "PGD", "exact", **{"attacked": 0.5} | changed)
    return example(results=(one,), sweep=())


def test_an_attack_that_moves_no_image_shows_nothing():
    idle = alone(record=outcomes(0.9, 0.9, distance=0.0))
    assert row("uses the exact gradient", idle)[0] == "not shown"
    status, text = row("within its radius", idle)
    assert status == "not shown" and "PGD on the defended model (Linf 8/255)" in text
    assert row("not moved", idle)[0] == "pass", "that it can tell"
    assert row("uses the exact gradient", alone())[0] == "pass"


def test_a_model_that_is_never_right_cannot_be_harmed():
    broken = alone(record=outcomes(0.0, 0.0))
    assert row("raises accuracy", broken)[0] == "not shown"
    assert row("raises accuracy", alone())[0] == "pass"


def test_without_an_attack_nothing_passes_but_what_is_clean():
    clean = result("defended", "no attack", "none", 0.9, radius=0.0)
    checks = summarise(example(results=(clean,), sweep=()))["checks"]
    passed = {c["name"] for c in checks if c["status"] == "pass"}
    assert passed == {"Every prediction comes from finite numbers"}


def test_clean_predictions_are_looked_at_as_well():
    good = outcomes(0.9, 0.5)
    clean = good.clean.copy()
    clean[0, 0] = NO_ANSWER
    lost = dataclasses.replace(good, clean=clean)
    status, text = row("finite numbers", alone(record=lost))
    assert status == "warning" and "1 of the defended model on clean images" in text
    hidden = result("defended", "PGD", "exact", 0.4, radius=0.5)
    attacked = hidden.record.attacked.copy()
    attacked[:2, 0] = NO_ANSWER
    hidden = dataclasses.replace(
        hidden, record=dataclasses.replace(hidden.record, attacked=attacked)
    )
    swept = dataclasses.replace(alone(), sweep=(hidden,))
    assert "2 under PGD on the defended" in row("finite numbers", swept)[1]


@pytest.mark.parametrize(
    ("attacked", "clean", "status"),
    [(0.9, 0.9, "not shown"), (0.0, 0.0, "not shown"), (0.3, 0.9, "pass")],
)
def test_a_curve_that_does_not_fall_is_not_shown_to_fall(attacked, clean, status):
    narrow, wide = (
        result("defended", "PGD", "exact", attacked, clean, radius=radius)
        for radius in (0.1, 0.2)
    )
    assert row("falls as the radius", example(results=(narrow,), sweep=(wide,)))[0] == (
        status
    )


@pytest.mark.parametrize(
    ("attacked", "clean", "status"),
    [
        (0.0, 0.9, "pass"),
        (0.4, 0.9, "open"),
        (0.8, 0.9, "warning"),
        (0.3, 0.35, "not shown"),
    ],
)
def test_chance_is_only_reached_from_above(attacked, clean, status):
    """Of three classes and 60 images, so that 40% may be chance or not."""
    huge = alone(attacked=attacked, clean=clean, radius=0.5)
    assert row("no more than chance", huge)[0] == status


def test_the_bare_model_does_not_pass_for_the_defended_one():
    bare = result("undefended", "PGD", "exact", 0.0, radius=0.5)
    blind = result("defended", "PGD", "blind", 0.8, radius=0.5)
    both = example(results=(bare, blind), sweep=())
    assert row("no more than chance", both)[0] == "not run"
    assert row("no more than chance", example(results=(bare,), sweep=()))[0] == "pass"


@pytest.mark.parametrize(
    ("values", "clean", "status"),
    [
        ((0.9, 0.9, 0.9), {"defended": 0.9}, "not shown"),
        ((0.5, 0.5, 0.5), {"defended": 0.9}, "pass"),
        ((0.0, 0.0, 0.0), {"defended": 0.9}, "pass"),
        ((0.0, 0.0, 0.0), {"defended": 0.0}, "not shown"),
        ((0.9, 0.5, 0.5), {"defended": 0.51}, "pass"),
        ((0.9, 0.9, 0.9), {}, "pass"),
        ((math.nan,) * 3, {"defended": 0.9}, "warning"),
    ],
)
def test_a_plateau_where_nothing_was_attacked_shows_nothing(values, clean, status):
    step = (np.arange(400)[:, None] + 0.5) / 400
    outcomes_ = np.where(np.isnan(values), np.nan, step < values)
    line = curve("iterations", "EOT 8", (1, 2, 4), outcomes_)
    (check,) = checklist.converged([line], clean)
    assert check["status"] == status


def test_the_clean_accuracy_reaches_the_check_of_the_plateau():
    rates = np.arange(N)[:, None] / N < [[0.9, 0.9]]
    flat = curve("restarts", "best start", (1, 2), rates)
    assert row("More restarts", example(curves=(flat,)))[0] == "not shown"


def test_lines_of_any_name_are_read():
    rates = np.arange(N)[:, None] / N < [[0.9, 0.5, 0.5]]
    lines = [curve("iterations", name, (1, 2, 4), rates) for name in ("a", "EOT 4")]
    names = [check["name"] for check in checklist.converged(lines)]
    assert len(names) == 2 and not any("EOT samples" in name for name in names)


def probed(**changed):
    checks = checklist_gradient.checks(PROBE | changed, RESULTS)
    return {check["name"]: check["status"] for check in checks}


@pytest.mark.parametrize(
    ("name", "values", "check", "status"),
    [
        ("spread", (0.3,) * 20, "Randomness", "pass"),
        ("spread", (math.nan,) * 20, "Randomness", "warning"),
        ("finite", (math.nan,) * 20, "Gradients are finite", "warning"),
        ("cosine", (math.nan,) * 20, "Two batches", "warning"),
        ("gain", (math.nan,) * 20, "The gradient climbs", "warning"),
        ("gain", (math.nan,) * 20, "The loss rises", "warning"),
        ("probabilities", (1.0,) + (0.0,) * 19, "The classifier outputs", "open"),
        ("probabilities", (math.nan,) * 20, "The classifier outputs", "open"),
    ],
)
def test_a_figure_that_is_not_a_number_does_not_pass(name, values, check, status):
    found = [s for n, s in probed(**{name: values}).items() if n.startswith(check)]
    assert found == [status]


def test_a_probe_of_no_image_is_no_probe():
    empty = dict.fromkeys(PROBE, ())
    (check,) = checklist_gradient.checks(empty, RESULTS)
    assert check["status"] == "not run"


def test_of_an_attack_of_ones_own_the_gradient_is_not_known():
    own = result("defended", "mine", "own", 0.5, key="mine")
    findings = example(results=(own,), sweep=(), probe=PROBE)
    assert row("uses the exact gradient", findings)[0] == "open"
    assert row("Nothing is computed at test time", findings)[0] == "open"


def test_one_key_of_a_random_defence_is_a_warning():
    one = alone(record=outcomes(0.9, 0.5, keys=1))
    findings = dataclasses.replace(one, probe=PROBE)
    assert row("Randomness is averaged", findings)[0] == "warning"


@pytest.mark.parametrize(("images", "verdict"), [(5, "open"), (FEWEST, "positive")])
def test_a_few_images_show_no_difference(images, verdict):
    weak, strong = (
        dataclasses.replace(RESULTS[1], record=outcomes(1.0, rate, images=images))
        for rate in (1.0, 0.0)
    )
    compared = paired((weak, "attacked"), (strong, "attacked"))
    assert compared["difference"]["interval"] == [1.0, 1.0]
    assert compared["verdict"] == verdict
    assert (compared["mcnemar"]["p"] < 0.05) == (verdict == "positive")


def test_every_status_is_counted_in_a_comparison():
    checks = [{"name": status, "status": status, "text": ""} for status in STATUSES]
    counted = compare_page._counts(checks)
    assert counted == "1 warning, 1 open, 1 not shown, 1 pass, 1 not run"
