"""The figures of a report, on either ground and in every format."""

from collections.abc import Sequence

from purifax.report import html, plots, plots_curves, plots_grid
from purifax.report.pages import FILES
from purifax.report.pictures import Pictures
from purifax.report.plots import Drawing, Theme
from purifax.report.types import PICTURES

__all__ = ["drawn", "files", "pngs"]


def drawn(
    summary: dict, pictures: Pictures | None, theme: Theme, formats: Sequence[str]
) -> dict[str, Drawing]:
    """The figures that have something to show, by their names in `pages.FILES`.

    Raises:
        ModuleNotFoundError: matplotlib is missing.
        ValueError: an unknown format.
    """
    unknown = [name for name in formats if name not in plots.FORMATS]
    if unknown:
        known = ", ".join(plots.FORMATS)
        raise ValueError(f"figures come as {known}; got {', '.join(unknown)}.")
    html.need("matplotlib")
    made = {
        name: plots_curves.lines(name, summary["curves"], theme, formats)
        for name in PICTURES
    }
    made["worst_of"] = plots_curves.worst_of(summary["attacks"], theme, formats)
    if pictures is not None:
        made["grid"] = plots_grid.grid(pictures, theme, formats)
        made["film"] = plots_grid.film(pictures, theme, formats)
    drawings = {name: made.get(name) for name in FILES}
    return {name: drawing for name, drawing in drawings.items() if drawing is not None}


def pngs(drawings: dict[str, Drawing]) -> dict[str, bytes]:
    """The PNG of each drawing."""
    return {name: drawing["png"] for name, drawing in drawings.items()}


def files(drawings: dict[str, Drawing]) -> dict[str, bytes]:
    """The drawings by file name: grid.png, grid.pdf..."""
    return {
        f"{FILES[name].removesuffix('.png')}.{form}": content
        for name, drawing in drawings.items()
        for form, content in drawing.items()
    }
