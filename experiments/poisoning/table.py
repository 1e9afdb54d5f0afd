"""The table of a grid of poisons and defences: means, deviations, paired differences.

A difference compares a defence with "none" under the same poison and seed; its mean and
standard deviation are over seeds. The rows "clean training" and "oracle removal" are
not defences: they show the accuracy without a poison, and the accuracy that remains
when every poisoned image is known and removed.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.poisoning.defences.plan import NONE
from experiments.poisoning.grid import CLEAN, Work, rows
from experiments.poisoning.plots import picture
from purifax.record.poisons import over_classes
from purifax.report.plots import LIGHT
from purifax.run import workdir
from purifax.run.config import (
    encode,
)
from purifax.run.extras import extra

__all__ = ["markdown", "summary", "write"]

TRAINING = "clean training"


def summary(results: list[dict[str, Any]], defences: list[str]) -> dict[str, Any]:
    """Entries by row and column, and which of either there are.

    Args:
        results: those of the cells.
        defences: in the order of the rows.

    Returns:
        "columns", "rows", and "entries": for each {"defence", "poison", "seeds",
        "accuracy", "deviation", "difference", "difference_deviation", "worst_class"
        and for triggers and targets "success", "worst_success"}, in shares, and the
        mean numbers of images that a defence "dropped" and of poisons among them,
        "dropped_poisons"; "over": the success of a method over all its targets, see
        `_over`.
    """
    values = {(r["poison"], r["defence"], r["seed"]): r for r in results}
    columns = list(dict.fromkeys(r["poison"] for r in results))
    seeds = list(dict.fromkeys(r["seed"] for r in results))
    entries = []
    for defence in [TRAINING, *defences]:
        for poison in columns:
            source = (CLEAN, NONE) if defence == TRAINING else (poison, defence)
            mine = [values[*source, s] for s in seeds if (*source, s) in values]
            if mine:
                bare = [values[poison, NONE, s] for s in seeds]
                entries.append(_entry(poison, defence, mine, bare))
    return {
        "columns": columns,
        "rows": [TRAINING, *defences],
        "entries": entries,
        "over": _over(results, defences),
    }


def _over(results: list[dict[str, Any]], defences: list[str]) -> list[dict[str, Any]]:
    """The success of triggers and targets over all trainings of a method.

    A class of a trigger, or a target, under a seed is one training; "worst" is the
    highest success of any, "natural" the accuracy on clean images.
    """
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in results:
        if "success" in one:
            method = one["poison"].partition(":")[0]
            groups.setdefault((method, one["defence"]), []).append(one)
    order = {name: i for i, name in enumerate(defences)}
    entries = []
    for (method, defence), mine in sorted(groups.items(), key=lambda g: order[g[0][1]]):
        found = over_classes([one["success"] for one in mine])
        natural = np.array([one["accuracy"] for one in mine])
        entries.append(
            {
                "poison": method,
                "defence": defence,
                "trainings": len(mine),
                "success": float(found.mean),
                "success_deviation": float(found.deviation) if len(mine) > 1 else None,
                "worst": float(found.worst),
                "worst_poison": mine[int(found.worst_class)]["poison"],
                "missed": float(np.mean([one.get("missed", 0.0) for one in mine])),
                "natural": float(natural.mean()),
                "natural_deviation": _deviation(natural),
            }
        )
    return entries


def _entry(
    poison: str, defence: str, mine: list[dict[str, Any]], bare: list[dict[str, Any]]
) -> dict[str, Any]:
    accuracy = np.array([one["accuracy"] for one in mine])
    apart = accuracy - [one["accuracy"] for one in bare]
    found = {
        "poison": poison,
        "defence": defence,
        "seeds": [one["seed"] for one in mine],
        "accuracy": float(accuracy.mean()),
        "deviation": _deviation(accuracy),
        "difference": float(apart.mean()),
        "difference_deviation": _deviation(apart),
        "worst_class": float(np.mean([min(one["by_class"]) for one in mine])),
    }
    if all("success" in one for one in mine):
        success = [one["success"] for one in mine]
        found |= {"success": float(np.mean(success)), "worst_success": max(success)}
    if all("dropped" in one for one in mine):
        for name in ("dropped", "dropped_poisons"):
            found[name] = float(np.mean([one.get(name, 0) for one in mine]))
    return found


def _deviation(values: np.ndarray) -> float | None:
    """Over seeds, with n - 1; None of one seed."""
    return float(values.std(ddof=1)) if len(values) > 1 else None


def markdown(found: dict[str, Any]) -> str:
    """Accuracies, differences to no defence, success of poisons, images dropped."""
    parts = [
        "Test accuracy (%), mean ± standard deviation over seeds\n\n"
        + _table(found, "accuracy", "deviation", "{:.1f}"),
        "Points above no defence, paired by seed\n\n"
        + _table(found, "difference", "difference_deviation", "{:+.1f}"),
    ]
    if any("success" in one for one in found["entries"]):
        words = (
            "Answers (%) that the trigger turns into its target, or targets that are "
            "answered as wanted: mean, worst seed"
        )
        parts.append(
            words + "\n\n" + _table(found, "success", "worst_success", "{:.1f}")
        )
        parts.append(_success(found["over"]))
    if any("dropped" in one for one in found["entries"]):
        words = "Images that a defence dropped, and poisons among them: means"
        parts.append(words + "\n\n" + _rows(found, "dropped", _dropped))
    return "\n\n".join(parts) + "\n"


def _success(over: list[dict[str, Any]]) -> str:
    """Poison success and natural accuracy over the classes or targets of a method."""
    head = ["poison", "defence", "trainings", "success", "worst", "natural accuracy"]
    lines = [head, ["---"] * len(head)]
    for one in over:
        cells = [one["poison"], one["defence"], str(one["trainings"])]
        cells.append(_number(one, "success", "success_deviation", "{:.1f}", " ± "))
        cells.append(f"{100 * one['worst']:.1f} ({one['worst_poison']})")
        cells.append(_number(one, "natural", "natural_deviation", "{:.1f}", " ± "))
        lines.append(cells)
    words = (
        "Poison success (%) over classes, targets and seeds, ± standard deviation "
        "between trainings, the highest, and natural accuracy (%)"
    )
    return words + "\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _table(found: dict[str, Any], value: str, other: str, form: str) -> str:
    """A number in percent, with another one beside it."""
    joint = ", " if other.startswith("worst") else " ± "
    return _rows(found, value, lambda one: _number(one, value, other, form, joint))


def _rows(
    found: dict[str, Any], value: str, words: Callable[[dict[str, Any]], str]
) -> str:
    """Rows are defences, columns poisons that have such a value."""
    have = [one for one in found["entries"] if value in one]
    entries = {(one["defence"], one["poison"]): words(one) for one in have}
    known = {one["poison"] for one in have}
    columns = [name for name in found["columns"] if name in known]
    lines = [["defence", *columns], ["---"] * (len(columns) + 1)]
    for row in found["rows"]:
        cells = [entries.get((row, column), "") for column in columns]
        if any(cells):
            lines.append([row, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _dropped(entry: dict[str, Any]) -> str:
    return f"{entry['dropped']:.1f} ({entry['dropped_poisons']:.1f})"


def _number(
    entry: dict[str, Any], value: str, other: str, form: str, joint: str
) -> str:
    words = form.format(100 * entry[value])
    spread = entry[other]
    return words if spread is None else f"{words}{joint}{100 * spread:.1f}"


def write(work: Work, results: list[dict[str, Any]], command: str) -> str:
    """Write report.md, summary.json and grid.png. Returns the text of the first."""
    found = summary(results, list(rows(work.config)))
    words = markdown(found)
    seconds = sum(one["seconds"] for one in results)
    written = {
        **found,
        "command": command,
        "images": work.parts.record(),
        "cells": len(results),
        "seconds": round(seconds, 1),
        "config": encode(work.config),
        "versions": workdir.versions(),
    }
    workdir.write_json(work.folder / "summary.json", written)
    with extra("report.md"):
        (work.folder / "report.md").write_text(words, encoding="utf-8")
    with extra("grid.png"):
        (work.folder / "grid.png").write_bytes(picture(found, LIGHT))
    return words
