"""How far each attack is above the strongest one on the same model and images."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.lib.report_compare import accuracy, paired, strongest
from experiments.lib.report_types import GRADIENTS, Result
from experiments.lib.report_words import percent, span
from purifax import record as records

__all__ = ["lines", "rows"]

_HEAD = (
    "evaluation",
    "attack",
    "gradient",
    "accuracy",
    "above the strongest",
    "right every time",
    "network calls an image",
    "s an image",
)


def rows(groups: Mapping[str, Sequence[tuple[str, Result]]]) -> list[dict[str, Any]]:
    """A row for each attack of each group, the weakest first.

    Args:
        groups: by what the model is, results of one radius with the names of their
            evaluations; those without an attack are left out.

    Returns:
        Rows with the paired difference to the strongest attack of the group among those
        that could be made on a deployed defence.
    """
    found = []
    for model, named in groups.items():
        made = [(name, r) for name, r in named if r.gradient != "none"]
        if len(made) > 1:
            best = strongest([result for _, result in made])
            made.sort(key=lambda one: -accuracy(one[1]))
            found += [_row(model, name, result, best) for name, result in made]
    return found


def _row(model: str, name: str, result: Result, best: Result) -> dict[str, Any]:
    right = np.asarray(records.correct(result.record.attacked, result.record.label))
    low, high = records.interval(right.mean(1))
    images, keys = right.shape
    above = paired((result, "attacked"), (best, "attacked"))
    calls = result.evaluations
    return {
        "model": model,
        "evaluation": name,
        "attack": result.attack,
        "gradient": result.gradient,
        "budget": dict(result.budget),
        "accuracy": float(right.mean()),
        "low": float(low),
        "high": float(high),
        "right_every_time": float(right.all(1).mean()),
        "images": images,
        "keys": keys,
        "strongest": result is best,
        "above": above["difference"] if above else None,
        "network_evaluations_an_image": None if calls is None else calls / images,
        "seconds_an_image": result.seconds / images,
    }


def lines(found: Sequence[dict[str, Any]]) -> list[str]:
    """The rows as paragraphs of Markdown, a table a model; none without rows."""
    told = ["## How far each attack is above the strongest"] if found else []
    for model in dict.fromkeys(row["model"] for row in found):
        mine = [row for row in found if row["model"] == model]
        table = [_HEAD, ["---"] * len(_HEAD), *map(_cells, mine)]
        told.append(f"On {model}:")
        told.append("\n".join(f"| {' | '.join(cells)} |" for cells in table))
    return told


def _cells(row: dict[str, Any]) -> list[str]:
    calls, above = row["network_evaluations_an_image"], "–"
    if row["strongest"]:
        above = "strongest"
    elif row["above"]:
        value, ends = 100 * row["above"]["value"], span(row["above"]["interval"])
        above = f"{value:+.1f} {ends}"
    return [
        row["evaluation"],
        row["attack"],
        GRADIENTS[row["gradient"]],
        f"{percent(row['accuracy'])} {span([row['low'], row['high']])}",
        above,
        f"{percent(row['right_every_time'])} of {row['keys']}",
        "–" if calls is None else f"{calls:,.0f}",
        f"{row['seconds_an_image']:,.1f}",
    ]
