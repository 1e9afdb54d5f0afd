"""The figures of several evaluations side by side."""

from collections.abc import Sequence
from typing import Any

from purifax.report import plots_curves
from purifax.report.plots import Theme, canvas, encoded, literal

__all__ = ["STYLES", "bars", "drawn", "picture"]

STYLES = {
    "none": ("ink", "o"),
    "blind": ("blind", "s"),
    "transfer": ("transfer", "P"),
    "bpda": ("bpda", "^"),
    "exact": ("exact", "D"),
}
"""Colour and marker of a gradient; any other has those of `bars`."""


def drawn(comparison: dict[str, Any], theme: Theme) -> dict[str, bytes]:
    """The figures of comparison.json that have something to show, as PNGs."""
    arguments = (comparison["curves"], theme, comparison["threat"])
    lines = {
        name: plots_curves.side_by_side(name, *arguments)
        for name in ("worst_of", "strength")
    }
    shown = {name: line["png"] for name, line in lines.items() if line is not None}
    return {"accuracies": picture(comparison["rows"], theme), **shown}


def picture(rows: Sequence[dict], theme: Theme) -> bytes:
    """Accuracy of each evaluation, one mark an attack, as PNG.

    Args:
        rows: those of comparison.json; bars are their 95% intervals.
    """
    names = list(dict.fromkeys(row["evaluation"] for row in rows))
    attacks = list(dict.fromkeys(row["attack"] for row in rows))
    with canvas(7.0, 1.2 + 0.42 * len(names), theme) as figure:
        axes = figure.add_subplot()
        for place, attack in enumerate(attacks):
            chosen = [row for row in rows if row["attack"] == attack]
            offset = 0.5 * ((place + 0.5) / len(attacks) - 0.5)
            heights = [names.index(row["evaluation"]) + offset for row in chosen]
            bars(axes, attack, chosen, heights, theme, sideways=True)
        axes.set_yticks(range(len(names)), list(map(literal, names)))
        axes.invert_yaxis()
        axes.set_xlabel("accuracy (%)")
        axes.set_xlim(-2, 102)
        figure.legend(loc="outside upper center", ncols=3)
        figure.set_layout_engine("constrained")
        return encoded(figure)


def bars(
    axes: Any,
    attack: str,
    rows: Sequence[dict],
    places: Sequence[float],
    theme: Theme,
    *,
    sideways: bool = False,
) -> None:
    """Draw one attack's accuracies with intervals, joined by a line if upright."""
    colour, marker = STYLES.get(rows[0]["gradient"], ("other", "v"))
    values = [100 * row["accuracy"] for row in rows]
    errors = (
        [100 * (row["accuracy"] - row["low"]) for row in rows],
        [100 * (row["high"] - row["accuracy"]) for row in rows],
    )
    x, y = (values, places) if sideways else (places, values)
    axes.errorbar(
        x,
        y,
        **{"xerr" if sideways else "yerr": errors},
        color=getattr(theme, colour),
        marker=marker,
        markersize=5,
        capsize=2,
        linestyle="none" if sideways else "-",
        linewidth=1.4,
        label=literal(attack),
    )
