"""The picture of a sweep over one field."""

from collections.abc import Sequence
from typing import Any

from experiments.lib.plots import Theme, canvas, encoded

__all__ = ["picture"]

_STYLES = {
    "none": ("ink", "o"),
    "blind": ("blind", "s"),
    "transfer": ("transfer", "P"),
    "bpda": ("bpda", "^"),
    "exact": ("exact", "D"),
}


def picture(field: str, rows: Sequence[dict], theme: Theme) -> bytes:
    """Accuracy of the defended model against the values of one field, as PNG.

    Args:
        rows: those of sweep.json; bars are their 95% intervals.
    """
    values = list(dict.fromkeys(row[field] for row in rows))
    mine = [row for row in rows if row["model"] == "defended"]
    with canvas(6.0, 3.8, theme) as figure:
        axes = figure.add_subplot()
        for attack in dict.fromkeys(row["attack"] for row in mine):
            _draw(axes, attack, [r for r in mine if r["attack"] == attack], theme)
        axes.set_xticks(range(len(values)), values)
        axes.set_xlabel(field)
        axes.set_ylabel("accuracy of the defended model (%)")
        axes.set_ylim(-2, 102)
        figure.legend(loc="outside upper center", ncols=3)
        figure.set_layout_engine("constrained")
        return encoded(figure)


def _draw(axes: Any, attack: str, rows: list[dict], theme: Theme) -> None:
    colour, marker = _STYLES.get(rows[0]["gradient"], ("other", "v"))
    y = [100 * row["accuracy"] for row in rows]
    low = [100 * (row["accuracy"] - row["low"]) for row in rows]
    high = [100 * (row["high"] - row["accuracy"]) for row in rows]
    axes.errorbar(
        range(len(rows)),
        y,
        yerr=(low, high),
        color=getattr(theme, colour),
        marker=marker,
        markersize=5,
        capsize=2,
        linewidth=1.4,
        label=attack,
    )
