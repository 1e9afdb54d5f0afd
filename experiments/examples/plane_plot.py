"""The picture of samplers in the plane: one panel each, exact draws first."""

from typing import Any

import numpy as np

from purifax.report.plots import LIGHT, canvas, encoded

__all__ = ["scatter"]

ACROSS = 5


def scatter(
    exact: np.ndarray, found: dict[str, np.ndarray], summary: dict[str, Any]
) -> bytes:
    """PNG bytes; each panel tells the distance of its points from exact draws."""
    distance = {row["name"]: row["distance"] for row in summary["samplers"]}
    panels = {"exact": exact, **found}
    down = -(-len(panels) // ACROSS)
    low, high = exact.min(0) - 0.15, exact.max(0) + 0.15
    with canvas(2.2 * ACROSS, 2.4 * down, LIGHT) as figure:
        figure.set_layout_engine("constrained")
        for i, (name, points) in enumerate(panels.items()):
            axes = figure.add_subplot(down, ACROSS, i + 1)
            colour = LIGHT.other if name == "exact" else LIGHT.bpda
            axes.scatter(*points.T, s=1.5, alpha=0.4, color=colour, linewidths=0)
            told = f"  {distance[name]:.3f}" if name in distance else ""
            axes.set_title(name.replace("_", " ") + told, fontsize=8.5)
            axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
            axes.tick_params(labelsize=7)
            axes.set(xticks=(0, 1), yticks=(0, 1))
        return encoded(figure)
