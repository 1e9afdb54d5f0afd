"""Pictures of a report, as PNG bytes.

Curves come from summary.json, so a picture shows nothing that the report does not
state. Colours are those of Okabe and Ito (2008), told apart with every common form of
colour blindness; markers and dashes repeat what the colours say. Each picture exists
on a light and on a dark ground.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np

from purifax.report.types import THREATS

__all__ = [
    "DARK",
    "DPI",
    "LIGHT",
    "Theme",
    "canvas",
    "encoded",
    "lines",
    "side_by_side",
    "worst_of",
]

DPI = 200


@dataclass(frozen=True)
class Theme:
    """Colours of a ground and of what is drawn on it."""

    ground: str
    ink: str
    faint: str
    wrong: str
    blind: str
    transfer: str
    bpda: str
    exact: str
    other: str


LIGHT = Theme(
    ground="#ffffff",
    ink="#1b1f24",
    faint="#d5d9de",
    wrong="#c04a00",
    blind="#56b4e9",
    transfer="#cc79a7",
    bpda="#0072b2",
    exact="#d55e00",
    other="#009e73",
)
DARK = Theme(
    ground="#16191d",
    ink="#e6e8eb",
    faint="#3a4048",
    wrong="#ff9552",
    blind="#56b4e9",
    transfer="#e3a3c6",
    bpda="#3f9fe0",
    exact="#f2803a",
    other="#2fc69b",
)

_AXES = {
    "strength": "{threat} radius of the attack (pixels in [0, 1])",
    "runs": "runs S behind one answer",
    "steps": "purification steps",
    "iterations": "iterations of the attack",
    "restarts": "restarts of the attack",
    "worst_of": "times m that an image is submitted",
}
_MARKERS = "os^DvP"
_RUNS = {"logits": "blind", "probabilities": "exact", "vote": "bpda"}
_TURNS = ("bpda", "exact", "other", "transfer", "blind")


def lines(picture: str, curves: Sequence[dict], theme: Theme) -> bytes | None:
    """Accuracy against what `picture` names; None without such a curve.

    Args:
        picture: a name in `report_types.PICTURES`.
        curves: summary.json's, of any kind.
    """
    mine = [line for line in curves if line["picture"] == picture]
    return _panels(picture, mine, theme) if mine else None


def side_by_side(
    picture: str, curves: Sequence[dict], theme: Theme, threat: str
) -> bytes | None:
    """The lines of several evaluations, told apart by colour and marker; or None.

    Args:
        picture: "strength" or "worst_of".
        curves: comparison.json's; a panel for each attack, a line for each evaluation.
    """
    mine = [line | {"turning": True} for line in curves if line["picture"] == picture]
    return _panels(picture, mine, theme, threat) if mine else None


def worst_of(entries: Sequence[dict], theme: Theme) -> bytes | None:
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
    return _panels("worst_of", curves, theme) if curves else None


def _submitted(entry: dict, which: str) -> dict:
    values = entry[which]["worst_of"]
    return {
        "picture": "worst_of",
        "panel": "",
        "name": "no attack" if which == "clean" else _attack(entry),
        "model": entry["model"],
        "gradient": "none" if which == "clean" else entry["gradient"],
        "x": values["m"],
        "y": values["value"],
        "low": values["low"],
        "high": values["high"],
    }


def _attack(entry: dict) -> str:
    return f"{entry['attack']}, {THREATS[entry['threat']]} {entry['radius_text']}"


@contextmanager
def canvas(width: float, height: float, theme: Theme) -> Iterator[Any]:
    """A figure of that many inches in the theme's colours; no global state."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {
        "font.size": 10.5,
        "text.color": theme.ink,
        "axes.labelcolor": theme.ink,
        "axes.edgecolor": theme.ink,
        "axes.facecolor": theme.ground,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.titlesize": 10.5,
        "axes.titleweight": "bold",
        "grid.color": theme.faint,
        "grid.linewidth": 0.6,
        "xtick.color": theme.ink,
        "ytick.color": theme.ink,
        "figure.facecolor": theme.ground,
        "legend.frameon": False,
        "svg.fonttype": "none",
    }
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(width, height), dpi=DPI)
        FigureCanvasAgg(figure)
        yield figure


def encoded(figure: Any) -> bytes:
    """The figure as PNG, without a date or a version in it."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=DPI, metadata={"Software": None})
    return out.getvalue()


def _panels(
    picture: str, curves: Sequence[dict], theme: Theme, threat: str = ""
) -> bytes:
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
        )
        return encoded(figure)


def _labels(curves: Sequence[dict]) -> list[str]:
    """What the legend calls each line; the model only where it could be another."""
    models = {line["model"] for line in curves}
    alone = models <= {"defended"}
    return [
        line["name"] if alone else f"{line['model']}, {line['name']}" for line in curves
    ]


def _draw(axis: Any, line: dict, marker: str, colour: str, theme: Theme) -> Any:
    """One line with its band; returns the legend's handle."""
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
    """By what a line is; lines that differ in number alone take turns."""
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
        axis.set_title(panel, loc="left")
    if picture == "strength":
        axis.set_xlim(left=0)
    else:
        axis.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    axis.tick_params(length=0, pad=5)
    axis.grid(axis="x", visible=False)
