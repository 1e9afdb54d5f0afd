"""The table and the pictures of accelerated sampling."""

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.examples.accelerate import FEATURES, SHOWN
from purifax.report.plots import LIGHT, canvas, encoded
from purifax.run import pictures

__all__ = ["curves", "drawings", "table"]

MARKERS = "osD^vP*"


def table(summary: dict[str, Any]) -> str:
    """Markdown: a table for each feature, a row for each sampler."""
    calls = summary["config"]["calls"]
    lines = []
    for feature in FEATURES:
        floor = summary["floor"][feature]
        lines += [
            f"Frechet distance of {feature}, squared: mean [lowest, highest] of "
            f"{summary['config']['seeds']} seeds; training images have {floor:.2f}",
            "",
            "| sampler | " + " | ".join(f"{n} calls" for n in calls) + " |",
            "|---|" + len(calls) * "---|",
        ]
        for name in dict.fromkeys(row["name"] for row in summary["samplers"]):
            mine = [row for row in summary["samplers"] if row["name"] == name]
            cells = [_cell(row[feature]) + f" at {row['rate']:g}" for row in mine]
            lines.append(f"| {name.replace('_', ' ')} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines) + "\n".join(_saved(summary)) + "\n"


def _cell(found: dict[str, float]) -> str:
    return f"{found['mean']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"


def _saved(summary: dict[str, Any]) -> list[str]:
    """A sentence for each sampler and feature."""
    return [
        f"- {one['name'].replace('_', ' ')}, {one['feature']}: "
        + (f"{one['calls']} calls" if one["calls"] else "no number of calls tried")
        + f" for what the plain sampler reaches with {one['plain']}."
        for one in summary["saved"]
    ]


def curves(summary: dict[str, Any]) -> bytes:
    """PNG bytes: distance against calls, a panel for each feature."""
    with canvas(9.0, 3.8, LIGHT) as figure:
        figure.set_layout_engine("constrained")
        panels = figure.subplots(1, len(FEATURES))
        for axes, feature in zip(panels, FEATURES, strict=True):
            _panel(axes, summary, feature)
        panels[-1].legend(fontsize=7.5)
        return encoded(figure)


def _panel(axes: Any, summary: dict[str, Any], feature: str) -> None:
    names = dict.fromkeys(row["name"] for row in summary["samplers"])
    for name, marker in zip(names, MARKERS, strict=False):
        mine = [row for row in summary["samplers"] if row["name"] == name]
        low, mean, high = (
            np.array([row[feature][part] for row in mine])
            for part in ("low", "mean", "high")
        )
        axes.errorbar(
            [row["calls"] for row in mine],
            mean,
            yerr=np.stack([mean - low, high - mean]),
            marker=marker,
            markersize=4,
            linewidth=1.2,
            label=name.replace("_", " "),
        )
    floor = {"color": LIGHT.ink, "linestyle": ":", "linewidth": 1.2}
    axes.axhline(summary["floor"][feature], label="training images", **floor)
    axes.set(xscale="log", yscale="log", xlabel="calls of the score")
    calls = summary["config"]["calls"]
    axes.set_xticks(calls, [str(n) for n in calls])
    axes.minorticks_off()
    axes.set_title(f"distance of {feature}", loc="left")


def drawings(
    path: pathlib.Path, shown: dict[str, np.ndarray], calls: Sequence[int]
) -> None:
    """Writes rows of ten images: of each sampler one for each number of calls."""
    rows = [images.reshape(-1, SHOWN, *images.shape[1:]) for images in shown.values()]
    words = [f"{name.replace('_', ' ')}, {n}" for name in shown for n in calls]
    pictures.strip(path, np.concatenate(rows), words)
