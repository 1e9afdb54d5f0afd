"""Detection by the length of the score: its histogram, and the ROC curve."""

import pathlib
from collections.abc import Mapping

import numpy as np

from purifax.report import plots
from purifax.run.extras import extra
from purifax.run.workdir import write_json

__all__ = ["area", "roc", "write"]


def roc(clean: np.ndarray, attacked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rates of clean and of attacked images above each threshold, highest first.

    Args:
        clean, attacked: [N], [M], lengths of the scaled score.

    Returns:
        False and true positive rates, [T] each, from (0, 0) to (1, 1).
    """
    limits = np.unique(np.concatenate([clean, attacked, [np.inf]]))[::-1]
    above = [(values[None] >= limits[:, None]).mean(1) for values in (clean, attacked)]
    return above[0], above[1]


def area(clean: np.ndarray, attacked: np.ndarray) -> float:
    """Area under the ROC curve.

    It is the probability that the score of an attacked image is the longer one.
    """
    false, true = roc(clean, attacked)
    return float(np.trapezoid(true, false))


def write(folder: pathlib.Path, norms: Mapping[str, np.ndarray]) -> None:
    """Writes ``detection.png`` and ``detection.json``.

    Args:
        norms: lengths of the score by attack, the clean images first.
    """
    clean, *attacks = norms
    summary = {
        name: {
            "area_under_roc": area(norms[clean], norms[name]),
            "images": len(norms[name]),
            "norms": [round(float(value), 4) for value in norms[name]],
        }
        for name in norms
    }
    write_json(folder / "detection.json", summary, indent=None)
    with extra("detection.png"):
        _draw(folder / "detection.png", clean, attacks, norms)


def _draw(
    path: pathlib.Path, clean: str, attacks: list[str], norms: Mapping[str, np.ndarray]
) -> None:
    with plots.canvas(9, 3.8, plots.LIGHT) as figure:
        figure.set_layout_engine("constrained")
        left, right = figure.subplots(1, 2)
        edges = np.histogram_bin_edges(np.concatenate(list(norms.values())), 30)
        left.hist(norms[clean], edges, color="0.75", label=plots.literal(clean))
        for name in attacks:
            label = plots.literal(name)
            left.hist(norms[name], edges, histtype="step", linewidth=1.6, label=label)
            false, true = roc(norms[clean], norms[name])
            value = area(norms[clean], norms[name])
            right.step(false, true, where="post", label=f"{label}, area {value:.2f}")
        guess = {"color": "0.7", "linewidth": 1, "linestyle": ":", "label": "guessing"}
        right.plot([0, 1], [0, 1], **guess)
        left.set(xlabel="length of the score |f(x)|", ylabel="images")
        right.set(
            xlabel="rate of clean images above the threshold",
            ylabel="rate of attacked images above it",
        )
        for axes in (left, right):
            axes.legend(fontsize=8)
        path.write_bytes(plots.encoded(figure))
