"""Curves of several evaluations in one picture, and what is to be said of them all."""

from collections.abc import Mapping, Sequence
from typing import Any

from purifax.report.summary import outcome
from purifax.report.types import Result
from purifax.report.words import percent, span

__all__ = ["CLEAN", "WORST", "attacks", "curves", "reading"]

CLEAN, WORST = "no attack", "worst case"
OWN = "worst case of its own attacks"


def attacks(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The attacks of the rows: none first, the worst case last."""
    names = dict.fromkeys(row["attack"] for row in rows)
    ends = {CLEAN: -1, WORST: 1}
    return sorted(names, key=lambda name: ends.get(name, 0))


def curves(
    name: str, results: Mapping[str, Result], summary: dict[str, Any]
) -> list[dict[str, Any]]:
    """The lines of one evaluation, called `name`: see "curves" of summary.json.

    Against submissions without an attack and under the worst case, where there are
    keys enough; and against the radius, a panel for each attack that was swept.

    Args:
        results: of the model that is compared, by attack.
        summary: its summary.json.
    """
    made = [result for result in results.values() if result.gradient != "none"]
    shown = {CLEAN: results[CLEAN]}
    if made:
        shown[OWN] = results.get(WORST, made[-1])
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
    found = {part: points[part] for part in ("x", "y", "low", "high")}
    more = {"model": "defended", "gradient": "none"}
    return {"name": name, "picture": picture, "panel": panel, **more, **found}


def _submitted(result: Result, classes: int) -> dict[str, Any]:
    record = result.record
    found = outcome(record.attacked, record.label, classes)["worst_of"]
    return {"x": found["m"], "y": found["value"]} | found


def reading(
    rows: Sequence[dict[str, Any]], checks: Mapping[str, Sequence[dict]]
) -> list[dict[str, str]]:
    """Sentences on the comparison: {level: finding | warning, text} each.

    Args:
        rows: those of comparison.json.
        checks: the checklist of each evaluation.
    """
    said, met = [], set()
    for name in checks:
        mine = {row["attack"] for row in rows if row["evaluation"] == name}
        met.add(frozenset(mine - {CLEAN, WORST}))
    if len(met) == 1:
        said.append(_most(rows))
    else:
        text = (
            "They were not attacked alike, so that their worst cases are not of the "
            "same attacks: compare them attack by attack."
        )
        said.append({"level": "warning", "text": text})
    for name, mine in checks.items():
        wrong = [check["name"] for check in mine if check["status"] == "warning"]
        if wrong:
            text = f"{name} has warnings in its checklist: {'; '.join(wrong)}."
            said.append({"level": "warning", "text": text})
    return said


def _most(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Which evaluation keeps the most under what leaves the least of each."""
    least: dict[str, dict[str, Any]] = {}
    for row in rows:
        held = least.setdefault(row["evaluation"], row)
        if row["accuracy"] < held["accuracy"] or row["attack"] == WORST:
            least[row["evaluation"]] = row
    best = max(least.values(), key=lambda row: row["accuracy"])
    text = (
        f"Under the worst of their attacks {best['evaluation']} keeps the most: "
        f"{percent(best['accuracy'])} {span([best['low'], best['high']])}. Whether it "
        "is told apart from another is in the paired differences."
    )
    return {"level": "finding", "text": text}
