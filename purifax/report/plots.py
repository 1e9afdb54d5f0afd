"""What all figures share: colours, the canvas, and PNG, PDF or SVG files.

Colours are those of Okabe and Ito (2008), which can be told apart with every
common form of colour blindness; markers and dashes repeat what the colours say. Each
figure can be drawn on a light and on a dark ground. The same input gives the same
bytes: no file holds a date, a version or a random identifier.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

__all__ = [
    "DARK",
    "DPI",
    "FORMATS",
    "LIGHT",
    "PNG",
    "Drawing",
    "Theme",
    "canvas",
    "encoded",
    "literal",
    "saved",
]

DPI = 200

Drawing = dict[str, bytes]
"""One figure, by the format of the file."""

FORMATS: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    "svg": {"Creator": None, "Date": None},
}
"""The formats, each with the metadata that is left out."""

PNG = ("png",)


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


@contextmanager
def canvas(width: float, height: float, theme: Theme) -> Iterator[Any]:
    """A figure of that many inches in the theme's colours; no global state.

    A matplotlibrc of the user's changes nothing: it might ask for LaTeX.
    """
    from matplotlib import style as styles
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
        "pdf.fonttype": 42,  # TrueType: many journals refuse type 3
        "svg.hashsalt": "purifax",
    }
    with styles.context(["default", style]):
        figure = Figure(figsize=(width, height), dpi=DPI)
        FigureCanvasAgg(figure)
        yield figure


def saved(figure: Any, formats: Sequence[str]) -> Drawing:
    """The figure in each of the formats; call it inside of `canvas`."""
    _settle(figure)
    files = {}
    for name in formats:
        out = io.BytesIO()
        figure.savefig(out, format=name, dpi=DPI, metadata=FORMATS[name])
        files[name] = out.getvalue()
    return files


def _settle(figure: Any) -> None:
    """Lay the figure out once, up to rounding.

    The solver of matplotlib's layout adds in another order in each process, and starts
    from the last layout when it is asked again.
    """
    if figure.get_layout_engine() is None:
        return
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        bounds = axes.get_position().bounds
        axes.set_position([round(bound, 6) for bound in bounds])


def encoded(figure: Any) -> bytes:
    """The figure as PNG."""
    return saved(figure, PNG)["png"]


def literal(text: str) -> str:
    """The text as matplotlib prints it unchanged: without formulas, and in legends."""
    printed = text.replace("$", r"\$")
    return f" {printed}" if printed.startswith("_") else printed
