"""The figures of a report, on either ground and in every format."""

from collections.abc import Sequence

from purifax.report import html, plots, plots_curves, plots_grid
from purifax.report.pages import FILES
from purifax.report.pictures import Pictures
from purifax.report.plots import Drawing, Theme
from purifax.report.types import PICTURES

__all__ = ["drawn", "drawn_one", "files", "pngs"]


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
    drawings = {
        name: drawn_one(name, summary, pictures, theme, formats) for name in FILES
    }
    return {name: drawing for name, drawing in drawings.items() if drawing is not None}


def drawn_one(
    name: str,
    summary: dict,
    pictures: Pictures | None,
    theme: Theme,
    formats: Sequence[str],
) -> Drawing | None:
    """One figure by its name in `pages.FILES`; None if it has nothing to show."""
    if name in PICTURES:
        return plots_curves.lines(name, summary["curves"], theme, formats)
    if name == "worst_of":
        return plots_curves.worst_of(summary["attacks"], theme, formats)
    draw = {"grid": plots_grid.grid, "film": plots_grid.film}[name]
    return None if pictures is None else draw(pictures, theme, formats)


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
