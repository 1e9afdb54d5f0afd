"""The picture of a grid of poisons and defences: a field for each pair."""

from typing import Any

import numpy as np

from purifax.report.plots import Theme, canvas, encoded

__all__ = ["picture"]

_COLOURS = "cividis"
"""Readable with every common form of colour blindness, and in print."""


def picture(found: dict[str, Any], theme: Theme) -> bytes:
    """Mean accuracies as colours and numbers, and the gain over no defence, as PNG.

    Args:
        found: what `table.summary` returns.
    """
    rows, columns = found["rows"], found["columns"]
    means = np.full((len(rows), len(columns)), np.nan)
    words: dict[tuple[int, int], str] = {}
    for entry in found["entries"]:
        place = rows.index(entry["defence"]), columns.index(entry["poison"])
        means[place] = 100 * entry["accuracy"]
        words[place] = _words(entry)
    wide, high = 2.6 + 0.95 * len(columns), 1.0 + 0.5 * len(rows)
    with canvas(wide, high, theme) as figure:
        figure.set_layout_engine("constrained")  # before the scale, which asks for it
        axes = figure.add_subplot()
        shown = axes.imshow(means, cmap=_COLOURS, vmin=0, vmax=100, aspect="auto")
        axes.set_xticks(range(len(columns)), columns)
        axes.set_yticks(range(len(rows)), rows)
        axes.grid(False)
        for (row, column), text in words.items():
            ink = "white" if means[row, column] < 55 else "black"
            axes.text(
                column, row, text, ha="center", va="center", fontsize=8, color=ink
            )
        figure.colorbar(shown, ax=axes, label="test accuracy (%)")
        return encoded(figure)


def _words(entry: dict[str, Any]) -> str:
    """The accuracy and its deviation; below, the difference to no defence."""
    spread = entry["deviation"]
    mean = f"{100 * entry['accuracy']:.1f}"
    first = mean if spread is None else f"{mean} ± {100 * spread:.1f}"
    return f"{first}\n({100 * entry['difference']:+.1f})"
