"""The checklist of a report: signs that an attack failed, and not that a defence held.

An attack that fails looks exactly like a defence that works, so the checks come with
every report; see `purifax.check`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from purifax import check
from purifax import record as records
from purifax.report import checklist_gradient as masking
from purifax.report.types import NO_ANSWER, Curve, Findings, Result
from purifax.report.words import paired, percent, points, said

__all__ = ["checks", "converged"]

ENOUGH = 512
"""Images below which a report says how coarse its numbers are."""

FLAT = 0.02
"""Accuracy that the last iterations, draws or restarts may still take: a plateau."""

HUGE = 0.5
"""Linf radius at which every image can be turned grey, so none can be recognised."""


def checks(
    evaluation: Findings, curves: Sequence[Curve], compared: Sequence[dict]
) -> list[dict]:
    """The checklist: {name, status, text} each.

    Status "pass": shown, or not contradicted where only that can be asked; "open":
    the interval includes both answers; "warning": contradicted; "not run".
    """
    results = [
        result
        for result in (*evaluation.results, *evaluation.sweep)
        if result.gradient != "none"
    ]
    called = {result.name: result for result in results}
    return [
        *(_order(c, called) for c in compared if c["kind"] == "order"),
        *_unasked(results),
        _exact(results),
        masking.proven(evaluation.gradient),
        _harm([c for c in compared if c["kind"] == "harm"]),
        _inside(results),
        _finite(evaluation.results),
        _zero(results),
        *_falling(curves),
        _chance(results, evaluation.num_classes),
        *converged(curves),
        *masking.checks(evaluation.probe, results),
        _images(evaluation.results),
    ]


def _order(comparison: dict, called: Mapping[str, Result]) -> dict:
    weaker, stronger = (called[comparison[k]].attack for k in ("first", "second"))
    low, high = comparison["difference"]["interval"]
    size, sure = points(comparison["difference"]["value"]), paired(comparison)
    name = f"{stronger} leaves no more accuracy than {weaker}"
    where = called[comparison["first"]].model
    if not check.ordered(low, high):
        text = f"{where}: it leaves {size} more {sure}. "
        text += f"Suspect {stronger}: steps, step size, gradient samples, gradient."
        return said(name, "warning", text)
    if comparison["verdict"] == "open":
        return said(name, "open", f"{where}: they differ by {size} {sure}.")
    return said(name, "pass", f"{where}: it leaves {size} less {sure}.")


def _unasked(results: Sequence[Result]) -> list[dict]:
    """A line where no attack without gradients was there to be compared."""
    if not results or any(result.gradient == "black-box" for result in results):
        return []
    name = "No attack from answers alone beats those with gradients"
    text = "Not asked for: square finds what a masked gradient hides."
    return [said(name, "not run", text)]


def _exact(results: Sequence[Result]) -> dict:
    name = "An attack uses the exact gradient of the defended model"
    mine = [result for result in results if result.model == "defended"]
    if not mine:
        return said(name, "not run", "No attack on a defended model.")
    if any(result.gradient == "exact" for result in mine):
        return said(name, "pass", "Its accuracy is the one to quote.")
    text = "None does: the defended accuracy is an upper bound, likely far too high."
    return said(name, "warning", text)


def _harm(compared: Sequence[dict]) -> dict:
    name = "No attack raises accuracy"
    if not compared:
        return said(name, "not run", "No attack.")
    raised = [
        f"{c['second']} by {points(c['difference']['value'])} {paired(c)}"
        for c in compared
        if not check.ordered(*c["difference"]["interval"])
    ]
    if raised:
        return said(name, "warning", f"Raised by {'; '.join(raised)}.")
    return said(name, "pass", f"{len(compared)} attacks.")


def _inside(results: Sequence[Result]) -> dict:
    name = "Every perturbation is within its radius"
    if not results:
        return said(name, "not run", "No attack.")
    outside = [
        f"{result.name}: {np.max(np.asarray(result.record.distance)):.4g}"
        for result in results
        if not check.inside(result.record.distance, result.radius)
    ]
    if outside:
        return said(name, "warning", f"Outside, or not a number: {'; '.join(outside)}.")
    return said(name, "pass", f"{len(results)} results.")


def _finite(results: Sequence[Result]) -> dict:
    name = "Every answer is made of finite numbers"
    lost = {
        result.name: int((np.asarray(result.record.attacked) == NO_ANSWER).sum())
        for result in results
    }
    if any(lost.values()):
        text = "; ".join(f"{n} not in {result}" for result, n in lost.items() if n)
        return said(name, "warning", f"{text}. They count as wrong.")
    return said(name, "pass", f"{len(results)} results.")


def _zero(results: Sequence[Result]) -> dict:
    name = "An image that is not moved keeps its answers"
    parts = [(result, result.record) for result in results]
    still = sum(int((np.asarray(r.distance) <= 1e-6).sum()) for _, r in parts)
    if not still:
        return said(name, "not run", "Every attack moved every image; no radius 0.")
    changed = [
        result.name
        for result, r in parts
        if not check.unchanged_at_zero(r.clean, r.attacked, r.distance)
    ]
    if changed:
        text = f"Not so in {', '.join(changed)}: other keys or another model."
        return said(name, "warning", text)
    return said(name, "pass", f"{still} image evaluations.")


def _falling(curves: Sequence[Curve]) -> list[dict]:
    swept = [line for line in curves if line.picture == "strength"]
    name = "Accuracy falls as the radius grows"
    if not swept:
        return [said(name, "not run", "One radius only.")]
    rising = [
        f"{line.model}/{line.name}"
        for line in swept
        if not check.falling(np.asarray(line.low), np.asarray(line.high))
    ]
    if rising:
        return [said(name, "warning", f"It rises, or is not a number: {rising}.")]
    return [said(name, "pass", f"{len(swept)} curves.")]


def _chance(results: Sequence[Result], classes: int) -> dict:
    name = f"A radius of {HUGE:g} leaves no more than chance"
    huge = [r for r in results if r.threat == "Linf" and r.radius >= HUGE]
    huge = [r for r in huge if r.gradient == "exact"]
    if not huge:
        return said(name, "not run", "No exact attack of that radius.")
    left = []
    for result in huge:
        right = records.correct(result.record.attacked, result.record.label)
        shares = np.asarray(right).mean(1)
        if not check.near_chance(records.interval(shares)[0], classes):
            left.append(f"{result.name}: {percent(float(shares.mean()))}")
    if left:
        text = f"More than {percent(1 / classes)} is left: {'; '.join(left)}."
        return said(name, "warning", f"{text} Suspect the gradient.")
    return said(name, "pass", f"Chance is {percent(1 / classes)}.")


def _images(results: Sequence[Result]) -> dict:
    name = f"At least {ENOUGH} images"
    fewest = min(np.size(result.record.index) for result in results)
    low, high = records.wilson(fewest / 2, fewest)
    half = points(float(high - low) / 2)
    text = f"{fewest} images: an accuracy near 50.0% is known to within {half}."
    return said(name, "pass" if fewest >= ENOUGH else "open", text)


def converged(curves: Sequence[Curve]) -> list[dict]:
    """More iterations, draws and restarts do not help; what the last of them gave."""
    lines = {
        kind: [line for line in curves if line.picture == kind]
        for kind in ("iterations", "restarts")
    }
    found = [
        _plateau(f"More {line.picture} do not raise accuracy ({line.name})", line)
        for line in (*lines["iterations"], *lines["restarts"])
    ]
    if len(lines["iterations"]) > 1:
        found.append(_plateau_of_draws(lines["iterations"]))
    if not found:
        text = "No surface was asked for: --config.surface.steps, eot, restarts."
        found = [said("The attack has converged", "not run", text)]
    return found


def _plateau(name: str, line: Curve) -> dict:
    """Falling, and flat at its end: the last step takes no more than `FLAT`."""
    if not check.falling(np.asarray(line.low), np.asarray(line.high)):
        return said(name, "warning", f"Accuracy rises: {_steps(line)}.")
    last = line.y[-2] - line.y[-1] if len(line.y) > 1 else float("inf")
    if last > FLAT:
        return said(name, "open", f"No plateau is shown: {_steps(line)}.")
    return said(name, "pass", f"{_steps(line)}.")


def _plateau_of_draws(lines: Sequence[Curve]) -> dict:
    """The same across lines, at their last iteration."""
    ends = {
        name: tuple(getattr(line, name)[-1] for line in lines)
        for name in ("y", "low", "high")
    }
    draws = tuple(float(line.name.removeprefix("EOT ")) for line in lines)
    across = replace(lines[-1], x=draws, **ends)
    return _plateau("More draws in a gradient do not raise accuracy", across)


def _steps(line: Curve) -> str:
    pairs = zip(line.x, line.y, strict=True)
    return ", ".join(f"{percent(y)} at {x:g}" for x, y in pairs)
