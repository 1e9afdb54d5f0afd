"""Curves of accuracy, from the content of summary.json or comparison.json alone."""

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np

from purifax.report.plots import PNG, Drawing, Theme, canvas, literal, saved
from purifax.report.types import THREATS
from purifax.report.words import CLEAN, model_text

__all__ = ["lines", "side_by_side", "worst_of"]

_AXES = {
    "strength": "{threat} radius of the attack (pixels in [0, 1])",
    "runs": "purification samples S per prediction",
    "iterations": "iterations of the attack",
    "restarts": "restarts of the attack",
    "worst_of": "submissions m of each image",
}
_MARKERS = "os^DvP"
_RUNS = {"logits": "blind", "probabilities": "exact", "vote": "bpda"}
_TURNS = ("bpda", "exact", "other", "transfer", "blind")


def lines(
    picture: str, curves: Sequence[dict], theme: Theme, formats: Sequence[str] = PNG
) -> Drawing | None:
    """Accuracy against the quantity that `picture` names; None without such a curve.

    Args:
        picture: a name in `types.PICTURES`.
        curves: summary.json's, of any kind.
    """
    chosen = [line for line in curves if line["picture"] == picture]
    return _panels(picture, chosen, theme, formats) if chosen else None


def side_by_side(
    picture: str,
    curves: Sequence[dict],
    theme: Theme,
    threat: str,
    formats: Sequence[str] = PNG,
) -> Drawing | None:
    """The lines of several evaluations, each with its colour and marker; or None.

    Args:
        picture: "strength" or "worst_of".
        curves: comparison.json's; a panel for each attack, a line for each evaluation.
    """
    chosen = [line | {"turning": True} for line in curves if line["picture"] == picture]
    return _panels(picture, chosen, theme, formats, threat) if chosen else None


def worst_of(
    entries: Sequence[dict], theme: Theme, formats: Sequence[str] = PNG
) -> Drawing | None:
    """Accuracy against the number of submissions, clean and attacked.

    Args:
        entries: "attacks" of summary.json; those with one key have no curve.
    """
    curves, clean = [], set()
    for entry in entries:
        if entry["keys"] < 2:
            continue
        if entry["model"] not in clean:
            clean.add(entry["model"])
            curves.append(_submitted(entry, "clean"))
        if entry["gradient"] != "none":
            curves.append(_submitted(entry, "attacked"))
    return _panels("worst_of", curves, theme, formats) if curves else None


def _submitted(entry: dict, which: str) -> dict:
    values = entry[which]["worst_of"]
    return {
        "picture": "worst_of",
        "panel": "",
        "name": CLEAN if which == "clean" else _attack(entry),
        "model": entry["model"],
        "gradient": "none" if which == "clean" else entry["gradient"],
        "x": values["m"],
        "y": values["value"],
        "low": values["low"],
        "high": values["high"],
    }


def _attack(entry: dict) -> str:
    return f"{entry['attack']}, {THREATS[entry['threat']]} {entry['radius_text']}"


def _panels(
    picture: str,
    curves: Sequence[dict],
    theme: Theme,
    formats: Sequence[str],
    threat: str = "",
) -> Drawing:
    panels = list(dict.fromkeys(line["panel"] for line in curves))
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    labels = _labels(curves)
    markers = dict(zip(dict.fromkeys(labels), cycle(_MARKERS), strict=False))
    turns = dict(zip(dict.fromkeys(labels), cycle(_TURNS), strict=False))
    size = (6.0 if columns == 1 else 3.4 * columns, 3.4 * rows + 0.9)
    with canvas(*size, theme) as figure:
        figure.set_layout_engine("constrained")
        axes = figure.subplots(rows, columns, sharey=True, squeeze=False).flat
        shown: dict[str, Any] = {}
        for axis, panel in zip(axes, panels, strict=False):
            for line, label in zip(curves, labels, strict=True):
                if line["panel"] == panel:
                    colour = _colour(line, theme, turns[label])
                    shown[label] = _draw(axis, line, markers[label], colour, theme)
            _dress(axis, picture, panel, threat)
        for axis in list(axes)[len(panels) :]:
            axis.remove()
        for axis in figure.axes[::columns]:
            axis.set_ylabel("accuracy (%)")
        longest = max(map(len, shown))
        abreast = 1 if longest > 36 else 2 if columns == 1 or longest > 20 else 3
        figure.legend(
            shown.values(),
            shown.keys(),
            loc="outside lower center",
            ncols=min(len(shown), abreast),
            fontsize="small" if abreast == 2 and longest > 30 else None,
        )
        return saved(figure, formats)


def _labels(curves: Sequence[dict]) -> list[str]:
    """The names of the lines in the legend; with the model where there are several."""
    alone = {line["model"] for line in curves} <= {"defended"}
    return [
        literal(
            line["name"] if alone else f"{model_text(line['model'])}, {line['name']}"
        )
        for line in curves
    ]


def _draw(axis: Any, line: dict, marker: str, colour: str, theme: Theme) -> Any:
    """Draw one line with its band. Returns the handle for the legend."""
    x, y, low, high = (
        np.array(line[name], float) for name in ("x", "y", "low", "high")
    )
    undefended = line["model"] == "undefended"
    axis.fill_between(x, 100 * low, 100 * high, color=colour, alpha=0.14, linewidth=0)
    (handle,) = axis.plot(
        x,
        100 * y,
        color=colour,
        marker=marker,
        markersize=4.5,
        markevery=max(1, len(x) // 12),
        markerfacecolor=theme.ground if undefended else colour,
        linestyle="--" if undefended else "-",
        linewidth=1.8,
        clip_on=False,
        zorder=3,
    )
    return handle


def _colour(line: dict, theme: Theme, turn: str) -> str:
    """By the gradient or pooling; lines that only differ in a number take turns."""
    if line["picture"] == "iterations" or "turning" in line:
        return getattr(theme, turn)
    if line["picture"] == "runs":
        return getattr(theme, _RUNS[line["name"]])
    if line["gradient"] == "none":
        return theme.ink
    return getattr(theme, line["gradient"], theme.other)


def _dress(axis: Any, picture: str, panel: str, threat: str) -> None:  # noqa: ANN401
    from matplotlib.ticker import MaxNLocator

    axis.set_ylim(0, 100)
    axis.set_yticks(range(0, 101, 20))
    axis.margins(x=0.03)
    axis.set_xlabel(_AXES[picture].format(threat=THREATS.get(threat or panel, "")))
    if panel not in THREATS:
        axis.set_title(literal(panel), loc="left")
    if picture == "strength":
        axis.set_xlim(left=0)
    else:
        axis.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    axis.tick_params(length=0, pad=5)
    axis.grid(axis="x", visible=False)
