"""The picture of a density learnt in the plane: truth, points, model, chains."""

from typing import Any

import numpy as np

from experiments.examples import density
from experiments.examples.config_density import (
    Density,
)
from purifax.report.plots import LIGHT, canvas, encoded

__all__ = ["panels"]


def panels(config: Density, found: density.Learnt, summary: dict[str, Any]) -> bytes:
    """PNG bytes: two densities in the same colours, and points on either side."""
    logs = density.maps({"truth": density.truth(config), "learnt": found.energy})
    top = max(float(log.max()) for log in logs.values())
    apart = summary["divergence"]["after"]
    with canvas(11.2, 3.4, LIGHT) as figure:
        figure.set_layout_engine("constrained")
        axes = figure.subplots(1, 4)
        _points(axes[0], found.data, f"{len(found.data):,} points given")
        _map(axes[1], logs["truth"], top, "truth")
        _map(axes[2], logs["learnt"], top, f"learnt, {apart:.3f} nats away")
        _points(axes[3], found.chains, f"chains of {config.long:,} steps")
        return encoded(figure)


def _map(axes: Any, log: np.ndarray, top: float, title: str) -> None:
    ends = (density.LOW, density.HIGH)
    look = {"extent": (*ends, *ends), "origin": "lower", "cmap": "magma"}
    axes.imshow(log, vmin=top - 8, vmax=top, **look)
    _frame(axes, title)


def _points(axes: Any, points: np.ndarray, title: str) -> None:
    shown = points[:1000]
    axes.scatter(*shown.T, s=2, alpha=0.5, color=LIGHT.bpda, linewidths=0)
    _frame(axes, title)


def _frame(axes: Any, title: str) -> None:
    axes.set_title(title, fontsize=9)
    axes.set(xlim=(-0.1, 1.1), ylim=(-0.1, 1.2), aspect="equal")
    axes.set(xticks=(0, 1), yticks=(0, 1))
    axes.grid(visible=False)
