"""The checklist of a report: signs that an attack failed rather than a defence held.

An attack that fails looks exactly like a defence that works, so every report has these
checks; see `purifax.record.predicates` for the statements behind them.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from purifax import record as records
from purifax.record import predicates
from purifax.report import checklist_controls as control_checks
from purifax.report import checklist_curves as curve_checks
from purifax.report import checklist_gradient as gradient_checks
from purifax.report.checklist_curves import converged
from purifax.report.comparisons import STILL, moved
from purifax.report.types import NO_ANSWER, Curve, Findings, Result
from purifax.report.words import (
    MODELS,
    check_row,
    counted,
    described,
    model_phrase,
    paired,
    points,
)

__all__ = ["checks", "converged"]

ENOUGH = 512
"""Images below which a report says how coarse its numbers are."""


def checks(
    findings: Findings, curves: Sequence[Curve], compared: Sequence[dict]
) -> list[dict]:
    """The checklist: {name, status, text} each. By status:

    "pass": the statement is shown; or it was tested and not contradicted, where a test
        can do no more.
    "open": it was tested, and the interval includes both possibilities.
    "warning": it is contradicted.
    "not run": it was not tested, because nothing that could test it was asked for.
    "not shown": it was tested on nothing, such as zero states, a gradient of zero or an
        attack that moved no image; the test would hold of anything.

    Args:
        curves: those of `summary.curves`.
        compared: the comparisons of `comparisons.compare`.
    """
    everything = (*findings.results, *findings.sweep)
    attacks = [result for result in everything if result.gradient != "none"]
    named = {result.name: result for result in attacks}
    clean = _clean(findings.results)
    return [
        *(_order(c, named) for c in compared if c["kind"] == "order"),
        *_black_box(attacks),
        _exact(attacks),
        gradient_checks.proven(findings.gradient),
        _harm([c for c in compared if c["kind"] == "harm"], named),
        _inside(attacks),
        _finite(everything),
        _still(attacks),
        *curve_checks.falling(curves),
        curve_checks.chance(attacks, findings.num_classes),
        *converged(curves, clean),
        *gradient_checks.checks(findings.probe, attacks),
        *control_checks.checks(compared, findings.results),
        _images(findings.results),
    ]


def _clean(results: Sequence[Result]) -> dict[str, float]:
    """The clean accuracy of each model."""
    first = {result.model: result.record for result in reversed(results)}
    return {
        model: float(np.mean(records.correct(record.clean, record.label)))
        for model, record in first.items()
    }


def _order(comparison: dict, named: Mapping[str, Result]) -> dict:
    weaker, stronger = (named[comparison[k]].attack for k in ("first", "second"))
    low, high = comparison["difference"]["interval"]
    size, interval = points(comparison["difference"]["value"]), paired(comparison)
    name = f"{stronger} leaves no more accuracy than {weaker}"
    where = f"On {model_phrase(named[comparison['first']].model)}"
    if not predicates.ordered(low, high):
        text = f"{where} it leaves {size} more {interval}. Suspect {stronger}: its "
        text += "steps, step size, EOT samples or gradient."
        return check_row(name, "warning", text)
    if comparison["verdict"] == "open":
        return check_row(name, "open", f"{where} they differ by {size} {interval}.")
    return check_row(name, "pass", f"{where} it leaves {size} less {interval}.")


def _black_box(attacks: Sequence[Result]) -> list[dict]:
    """A row where no black-box attack could be compared with the others."""
    if not attacks or any(result.gradient == "black-box" for result in attacks):
        return []
    name = "No black-box attack beats those with gradients"
    text = "No black-box attack was run; Square finds what a masked gradient hides."
    return [check_row(name, "not run", text)]


def _exact(attacks: Sequence[Result]) -> dict:
    name = "An attack uses the exact gradient of the defended model"
    defended = [result for result in attacks if result.model == "defended"]
    if not defended:
        return check_row(name, "not run", "No attack was run on a defended model.")
    exact = [result for result in defended if result.gradient == "exact"]
    if any(moved(result) for result in exact):
        return check_row(name, "pass", "Its accuracy is the one to quote.")
    if exact:
        text = "The attack moved no image, so its accuracy is the clean one."
        return check_row(name, "not shown", text)
    if any(result.gradient == "own" for result in defended):
        text = "It is not known which gradient the user's own attack follows."
        return check_row(name, "open", text)
    text = "None does: the defended accuracy is an upper bound, likely far too high."
    return check_row(name, "warning", text)


def _harm(compared: Sequence[dict], named: Mapping[str, Result]) -> dict:
    name = "No attack raises accuracy"
    if not compared:
        return check_row(name, "not run", "No attack was run.")
    attacks = [named[comparison["second"]] for comparison in compared]
    raised = [
        f"{described(attack)} by {points(c['difference']['value'])} {paired(c)}"
        for c, attack in zip(compared, attacks, strict=True)
        if not predicates.ordered(*c["difference"]["interval"])
    ]
    if raised:
        return check_row(name, "warning", f"Raised by {'; '.join(raised)}.")
    if not any(_clean(attacks).values()):
        text = "The clean accuracy is zero, so there was nothing to lower."
        return check_row(name, "not shown", text)
    return check_row(name, "pass", f"{counted(len(compared), 'attack')}.")


def _inside(attacks: Sequence[Result]) -> dict:
    name = "Every perturbation is within its radius"
    if not attacks:
        return check_row(name, "not run", "No attack was run.")
    outside = [
        f"{described(result)}: {np.max(np.asarray(result.record.distance)):.4g}"
        for result in attacks
        if not predicates.inside(result.record.distance, result.radius)
    ]
    if outside:
        text = f"Outside, or not a number: {'; '.join(outside)}."
        return check_row(name, "warning", text)
    # The exact gradient of a control that rounds is zero; BPDA attacks it as well.
    judged = [result for result in attacks if result.model in MODELS]
    idle = [described(r) for r in judged if r.radius > 0 and not moved(r)]
    if idle:
        text = f"No image was moved by {'; '.join(idle)}: the attack did nothing."
        return check_row(name, "not shown", text)
    return check_row(name, "pass", f"{counted(len(attacks), 'result')}.")


def _finite(results: Sequence[Result]) -> dict:
    name = "Every prediction comes from finite numbers"
    clean = {result.model: result.record.clean for result in reversed(results)}
    predicted = {
        f"of {model_phrase(model)} on clean images": classes
        for model, classes in clean.items()
    }
    predicted |= {
        f"under {described(result)}": result.record.attacked
        for result in results
        if result.gradient != "none"
    }
    lost = {
        where: int((np.asarray(classes) == NO_ANSWER).sum())
        for where, classes in predicted.items()
    }
    if any(lost.values()):
        where = "; ".join(f"{n} {where}" for where, n in lost.items() if n)
        text = f"Not so for {where}. These predictions count as wrong."
        return check_row(name, "warning", text)
    return check_row(name, "pass", f"{counted(len(results), 'result')}.")


def _still(attacks: Sequence[Result]) -> dict:
    name = "An image that is not moved keeps its predictions"
    still = sum(int((np.asarray(r.record.distance) <= STILL).sum()) for r in attacks)
    if not still:
        text = "Every attack moved every image, and no radius was 0."
        return check_row(name, "not run", text)
    changed = [
        described(result)
        for result in attacks
        if not predicates.unchanged_at_zero(
            result.record.clean, result.record.attacked, result.record.distance
        )
    ]
    if changed:
        text = f"Changed under {'; '.join(changed)}: by other keys or another model."
        return check_row(name, "warning", text)
    return check_row(
        name, "pass", f"{counted(still, 'image')}, each under all its keys."
    )


def _images(results: Sequence[Result]) -> dict:
    name = f"At least {ENOUGH} images"
    fewest = min(np.size(result.record.index) for result in results)
    low, high = records.wilson(fewest / 2, fewest)
    half = points(float(high - low) / 2)
    text = f"{fewest} images: an accuracy near 50.0% is known to within {half}."
    return check_row(name, "pass" if fewest >= ENOUGH else "open", text)
