"""Checks of curves: against the radius, and against what an attack may spend."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from purifax import record as records
from purifax.record import predicates
from purifax.report.types import Curve, Result
from purifax.report.words import (
    check_row,
    counted,
    described,
    model_phrase,
    percent,
    span,
)

__all__ = ["chance", "converged", "falling"]

FLAT = 0.02
"""Accuracy that the last iterations, EOT samples or restarts may still take."""

HUGE = 0.5
"""Linf radius at which every image can be turned grey, so none can be recognised."""


def falling(curves: Sequence[Curve]) -> list[dict]:
    """Accuracy falls as the radius grows."""
    name = "Accuracy falls as the radius grows"
    swept = {
        f"{line.name} on {model_phrase(line.model)}": line
        for line in curves
        if line.picture == "strength"
    }
    if not swept:
        return [check_row(name, "not run", "The attacks have one radius only.")]
    rising = [
        where
        for where, line in swept.items()
        if not predicates.falling(np.asarray(line.low), np.asarray(line.high))
    ]
    if rising:
        text = f"It rises, or is not a number: {'; '.join(rising)}."
        return [check_row(name, "warning", text)]
    flat = [where for where, line in swept.items() if line.y[-1] >= line.y[0]]
    if flat:
        text = f"It does not fall at all: {'; '.join(flat)}."
        return [check_row(name, "not shown", text)]
    return [check_row(name, "pass", f"{counted(len(swept), 'curve')}.")]


def chance(attacks: Sequence[Result], classes: int) -> dict:
    """An exact attack of a huge radius leaves no more than chance.

    Asked of the defended model where there is one.
    """
    name = f"A radius of {HUGE:g} leaves no more than chance"
    huge = [r for r in attacks if r.threat == "Linf" and r.radius >= HUGE]
    huge = [r for r in huge if r.gradient == "exact"]
    if any(result.model == "defended" for result in attacks):
        huge = [result for result in huge if result.model == "defended"]
    if not huge:
        return check_row(name, "not run", "No exact attack has such a radius.")
    rows = [_chance(result, classes) for result in huge]
    status = next(
        status
        for status in ("warning", "not shown", "open", "pass")
        if any(row[0] == status for row in rows)
    )
    text = "; ".join(text for each, text in rows if each == status)
    return check_row(name, status, f"Chance is {percent(1 / classes)}. {text}.")


def _chance(result: Result, classes: int) -> tuple[str, str]:
    """The status of one attack, and the reason."""
    clean, attacked = (
        np.asarray(records.correct(predictions, result.record.label)).mean(1)
        for predictions in (result.record.clean, result.record.attacked)
    )
    (_, clean_low, _), (value, low, high) = map(_mean, (clean, attacked))
    text = f"{described(result)} leaves {percent(value)} {span((low, high))}"
    if not predicates.near_chance(low, classes):
        return "warning", f"{text}, more than chance: suspect the gradient"
    if predicates.near_chance(clean_low, classes):
        return "not shown", f"{text}, but clean images are not above chance either"
    return "open" if value > 1 / classes else "pass", text


def _mean(values: np.ndarray) -> tuple[float, float, float]:
    low, high = records.interval(values)
    return float(values.mean()), float(low), float(high)


def converged(
    curves: Sequence[Curve], clean: Mapping[str, float] = MappingProxyType({})
) -> list[dict]:
    """More iterations, EOT samples and restarts do not help; what the last ones gave.

    Args:
        clean: the clean accuracy of each model, by name.
    """
    lines = {
        kind: [line for line in curves if line.picture == kind]
        for kind in ("iterations", "restarts")
    }
    rows = [
        _plateau(
            f"More {line.picture} do not raise accuracy ({line.name})", line, clean
        )
        for line in (*lines["iterations"], *lines["restarts"])
    ]
    rows += _plateau_of_samples(lines["iterations"], clean)
    if not rows:
        text = "No surface was asked for: --config.surface.steps, eot, restarts."
        rows = [check_row("The attack has converged", "not run", text)]
    return rows


def _plateau(name: str, line: Curve, clean: Mapping[str, float]) -> dict:
    """Falling, and flat at its end: the last step takes no more than `FLAT`."""
    steps = ", ".join(
        f"{percent(y)} at {x:g}" for x, y in zip(line.x, line.y, strict=True)
    )
    if not predicates.falling(np.asarray(line.low), np.asarray(line.high)):
        text = f"Accuracy rises, or is not a number: {steps}."
        return check_row(name, "warning", text)
    last = line.y[-2] - line.y[-1] if len(line.y) > 1 else float("inf")
    if last > FLAT:
        return check_row(name, "open", f"No plateau is shown: {steps}.")
    untouched = clean.get(line.model, float("inf"))
    if max(untouched, *line.y) - min(line.y) <= FLAT:
        text = f"The attack takes almost nothing of {percent(untouched)}: {steps}."
        return check_row(name, "not shown", text)
    return check_row(name, "pass", f"{steps}.")


def _plateau_of_samples(
    lines: Sequence[Curve], clean: Mapping[str, float]
) -> list[dict]:
    """The same across the lines of several numbers of EOT samples, at their ends."""
    counts = [re.fullmatch(r"EOT (\d+)", line.name) for line in lines]
    samples = tuple(float(count[1]) for count in counts if count)
    if len(lines) < 2 or len(samples) < len(lines):
        return []
    ends = {
        name: tuple(getattr(line, name)[-1] for line in lines)
        for name in ("y", "low", "high")
    }
    across = replace(lines[-1], x=samples, **ends)
    return [_plateau("More EOT samples do not raise accuracy", across, clean)]
