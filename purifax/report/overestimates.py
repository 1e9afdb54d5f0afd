"""How far each attack is above the strongest one on the same model and images."""

from collections.abc import Mapping, Sequence
from typing import Any

from purifax.report.comparisons import paired, strongest
from purifax.report.escape import markdown
from purifax.report.types import GRADIENTS, Result
from purifax.report.words import WORST_OF, percent, span

__all__ = ["lines", "rows"]

_HEAD = (
    "evaluation",
    "attack",
    "gradient",
    "accuracy",
    "above the strongest",
    WORST_OF,
    "network calls an image",
    "s an image",
)


def rows(
    groups: Mapping[str, Sequence[tuple[dict[str, Any], Result]]],
) -> list[dict[str, Any]]:
    """A row for each attack of each group, the weakest first.

    Args:
        groups: by the description of the model, results of one radius with their rows
            of the comparison; those without an attack are left out.

    Returns:
        The rows, with the paired difference to the strongest attack of the group among
        those that could be made on a deployed defence.
    """
    ranked = []
    for model, results in groups.items():
        attacks = [(row, r) for row, r in results if r.gradient != "none"]
        if len(attacks) > 1:
            best = strongest([result for _, result in attacks])
            attacks.sort(key=lambda one: -one[0]["accuracy"])
            ranked += [_ranked(row | {"model": model}, r, best) for row, r in attacks]
    return ranked


def _ranked(row: dict[str, Any], result: Result, best: Result) -> dict[str, Any]:
    above = paired((result, "attacked"), (best, "attacked"))
    return row | {
        "budget": dict(result.budget),
        "strongest": result is best,
        "above": above["difference"] if above else None,
    }


def lines(ranked: Sequence[dict[str, Any]]) -> list[str]:
    """The rows as paragraphs of Markdown, one table a model; none without rows."""
    paragraphs = ["## How far each attack is above the strongest"] if ranked else []
    for model in dict.fromkeys(row["model"] for row in ranked):
        rows = [row for row in ranked if row["model"] == model]
        table = [_HEAD, ["---"] * len(_HEAD), *map(_cells, rows)]
        paragraphs.append(f"On {markdown(model)}:")
        paragraphs.append("\n".join(f"| {' | '.join(cells)} |" for cells in table))
    return paragraphs


def _cells(row: dict[str, Any]) -> list[str]:
    calls, seconds = row["network_evaluations_an_image"], row["seconds_an_image"]
    above = "–"
    if row["strongest"]:
        above = "strongest"
    elif row["above"]:
        value, ends = 100 * row["above"]["value"], span(row["above"]["interval"])
        above = f"{value:+.1f} {ends}"
    return [
        markdown(row["evaluation"]),
        markdown(row["attack"]),
        GRADIENTS[row["gradient"]],
        f"{percent(row['accuracy'])} {span([row['low'], row['high']])}",
        above,
        f"{percent(row['right_every_time'])} (M = {row['keys']})",
        "–" if calls is None else f"{calls:,.0f}",
        "–" if seconds is None else f"{seconds:,.1f}",
    ]
