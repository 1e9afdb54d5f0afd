"""Curves of several evaluations in one figure, and the sentences about them all."""

from collections.abc import Mapping, Sequence
from typing import Any

from purifax.report.summary import outcome
from purifax.report.types import Result
from purifax.report.words import CLEAN, percent, span

__all__ = ["WORST", "attacks", "curves", "reading"]

WORST = "worst case"
OWN = "worst case of its own attacks"


def attacks(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The attacks of the rows: no attack first, the worst case last."""
    names = dict.fromkeys(row["attack"] for row in rows)
    ends = {CLEAN: -1, WORST: 1}
    return sorted(names, key=lambda name: ends.get(name, 0))


def curves(
    name: str, results: Mapping[str, Result], summary: dict[str, Any]
) -> list[dict[str, Any]]:
    """The lines of one evaluation, called `name`; see "curves" of summary.json.

    They are against the number of submissions, without an attack and under the worst
    case, where there are several keys; and against the radius, with one panel for each
    attack that was swept.

    Args:
        results: of the model that is compared, by attack.
        summary: its summary.json.
    """
    attacks = [result for result in results.values() if result.gradient != "none"]
    shown = {CLEAN: results[CLEAN]}
    if attacks:
        shown[OWN] = results.get(WORST, attacks[-1])
    lines = [
        _line(name, "worst_of", panel, _submitted(result, summary["classes"]))
        for panel, result in shown.items()
        if result.record.attacked.shape[1] > 1
    ]
    model = results[CLEAN].model
    return lines + [
        _line(name, "strength", one["name"], one)
        for one in summary["curves"]
        if one["picture"] == "strength" and one["model"] == model
    ]


def _line(name: str, picture: str, panel: str, points: Mapping[str, Any]) -> dict:
    line = {part: points[part] for part in ("x", "y", "low", "high")}
    style = {"model": "defended", "gradient": "none"}
    return {"name": name, "picture": picture, "panel": panel, **style, **line}


def _submitted(result: Result, classes: int) -> dict[str, Any]:
    record = result.record
    curve = outcome(record.attacked, record.label, classes)["worst_of"]
    return {"x": curve["m"], "y": curve["value"]} | curve


def reading(
    rows: Sequence[dict[str, Any]], checks: Mapping[str, Sequence[dict]]
) -> list[dict[str, str]]:
    """Sentences on the comparison: {level: finding | warning, text} each.

    Args:
        rows: those of comparison.json.
        checks: the checklist of each evaluation.
    """
    sentences, attacked = [], set()
    for name in checks:
        titles = {row["attack"] for row in rows if row["evaluation"] == name}
        attacked.add(frozenset(titles - {CLEAN, WORST}))
    if attacked == {frozenset()}:
        text = "None of them was attacked: these are clean accuracies alone."
        sentences.append({"level": "warning", "text": text})
    elif len(attacked) == 1:
        sentences.append(_most(rows))
    else:
        text = (
            "They were not attacked alike, so their worst cases are over different "
            "attacks: compare them attack by attack."
        )
        sentences.append({"level": "warning", "text": text})
    for name, checklist in checks.items():
        warnings = [
            check["name"] for check in checklist if check["status"] == "warning"
        ]
        if warnings:
            text = f"{name} has warnings in its checklist: {'; '.join(warnings)}."
            sentences.append({"level": "warning", "text": text})
    return sentences


def _most(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The evaluation with the highest accuracy under its worst case."""
    least: dict[str, dict[str, Any]] = {}
    for row in rows:
        lowest = least.setdefault(row["evaluation"], row)
        if row["accuracy"] < lowest["accuracy"] or row["attack"] == WORST:
            least[row["evaluation"]] = row
    best = max(least.values(), key=lambda row: row["accuracy"])
    text = (
        f"Under the worst of their attacks {best['evaluation']} keeps the most: "
        f"{percent(best['accuracy'])} {span([best['low'], best['high']])}. The paired "
        "differences say whether it can be told apart from the others."
    )
    return {"level": "finding", "text": text}
