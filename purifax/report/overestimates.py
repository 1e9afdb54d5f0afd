"""How far each attack is above the strongest one on the same model and images."""

from collections.abc import Mapping, Sequence
from typing import Any

from purifax.report.comparisons import paired, strongest
from purifax.report.types import GRADIENTS, Result
from purifax.report.words import percent, span

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


def rows(
    groups: Mapping[str, Sequence[tuple[dict[str, Any], Result]]],
) -> list[dict[str, Any]]:
    """A row for each attack of each group, the weakest first.

    Args:
        groups: by what the model is, results of one radius and the rows that the
            comparison has of them; those without an attack are left out.

    Returns:
        The rows, with the paired difference to the strongest attack of the group among
        those that could be made on a deployed defence.
    """
    found = []
    for model, told in groups.items():
        made = [(row, r) for row, r in told if r.gradient != "none"]
        if len(made) > 1:
            best = strongest([result for _, result in made])
            made.sort(key=lambda one: -one[0]["accuracy"])
            found += [_ranked(row | {"model": model}, r, best) for row, r in made]
    return found


def _ranked(row: dict[str, Any], result: Result, best: Result) -> dict[str, Any]:
    above = paired((result, "attacked"), (best, "attacked"))
    return row | {
        "budget": dict(result.budget),
        "strongest": result is best,
        "above": above["difference"] if above else None,
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
    calls, seconds = row["network_evaluations_an_image"], row["seconds_an_image"]
    above = "–"
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
        "–" if seconds is None else f"{seconds:,.1f}",
    ]
