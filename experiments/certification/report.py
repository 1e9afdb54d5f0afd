"""What a certification found: files, a table and a plot.

Certified accuracy at a radius is the share of images that are classified rightly with
a certificate of at least that radius. The accuracy under attack is that of the same
smoothed classifier, by vote; were the certificates and votes exact, it could not be
lower on the same images.
"""

import os
from typing import Any

import numpy as np

from experiments.certification.run import Run
from purifax import record as records
from purifax.evaluation.store import Arrays
from purifax.report import plots
from purifax.report.tables import aligned
from purifax.report.words import percent, span
from purifax.run import workdir
from purifax.run.config import (
    encode,
)
from purifax.run.extras import extra

__all__ = ["text", "write"]

Done = dict[float | None, Arrays]

HEAD = (
    "L2 radius",
    "certified",
    "95% interval",
    "images",
    "under L2 PGD",
    "95% interval",
    "of the same certified",
    "attacked",
)


def write(work: Run, done: Done, command: str) -> dict[str, Any]:
    """Writes certificates.npz, summary.json and certified.png; gives the summary."""
    summary = _summary(work, done, command)
    arrays = {
        "index": work.images.index,
        "label": work.images.labels,
        **{n: done[None][n] for n in ("predicted", "radius", "first", "second")},
        "attack_radii": np.array([r for r in done if r is not None], np.float32),
    }
    attacked = [found for radius, found in done.items() if radius is not None]
    for name in ("answered", "distance") if attacked else ():
        arrays[name] = np.stack([found[name] for found in attacked])
    _whole(work, "certificates.npz", lambda file: np.savez(file, **arrays))
    workdir.write_json(work.folder / "summary.json", summary)
    with extra("certified.png"):
        picture = _plot(summary)
        _whole(work, "certified.png", lambda file: file.write(picture))
    return summary


def _whole(work: Run, name: str, fill: Any) -> None:
    """Writes a file whole or not at all."""
    path = work.folder / name
    part = path.with_name(name + ".part")
    with part.open("wb") as file:
        fill(file)
    os.replace(part, path)


def _summary(work: Run, done: Done, command: str) -> dict[str, Any]:
    """Every number of the table and the plot, and what they depend on."""
    config, sure = work.config, done[None]
    right = sure["predicted"] == work.images.labels
    held = np.where(right, sure["radius"], 0.0)
    steps = np.unique(np.concatenate([[0.0], held[held > 0]]))
    seconds = {
        str(r or "certificates"): float(f["seconds"][0]) for r, f in done.items()
    }
    return {
        "title": _title(work),
        "radii": [_row(work, done, radius) for radius in config.radii],
        "curve": [{"radius": float(r), **_share(_at(held, r))} for r in steps],
        "mean_radius": float(held.mean()),
        "abstained": _share(sure["predicted"] == -1),
        "contradicted": _contradicted(work, done),
        "alpha": config.alpha,
        "images": len(work.images),
        "attacked": config.attacked,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "command": command,
        "config": encode(config),
        "hashes": work.hashes,
        "versions": workdir.versions(),
    }


def _title(work: Run) -> str:
    config = work.config
    made = config.purifier
    words = "no purifier" if made is None else made.words()
    if config.copies:
        words += f", {config.copies} copies (DiffSmooth)"
    return (
        f"{config.images.name} ({config.images.split}): {words}, sigma {config.sigma}"
    )


def _at(held: np.ndarray, radius: float) -> np.ndarray:
    """Images that a certificate of at least this radius holds for."""
    return (held > 0) & (held >= radius)


def _row(work: Run, done: Done, radius: float) -> dict[str, Any]:
    """Certified accuracy at a radius, and accuracy under attack where there is one."""
    labels, sure = work.images.labels, done[None]
    held = np.where(sure["predicted"] == labels, sure["radius"], 0.0)
    certified, count = _at(held, radius), work.config.attacked
    row: dict[str, Any] = {"radius": radius, "certified": _share(certified)}
    if radius in done:
        row["attacked"] = _share(done[radius]["answered"] == labels[:count])
        row["attacked_certified"] = _share(certified[:count])
    return row


def _share(hits: np.ndarray) -> dict[str, Any]:
    """A share of images with its two intervals."""
    count, total = int(np.sum(hits)), len(hits)
    exact = records.clopper_pearson(count, total)
    wilson = records.wilson(count, total)
    return {
        "value": count / total,
        "clopper_pearson": [float(end) for end in exact],
        "wilson": [float(end) for end in wilson],
        "images": total,
    }


def _contradicted(work: Run, done: Done) -> int:
    """Attacks that changed the answer within a certified radius.

    Of certificates that each fail with probability alpha there should be none, but for
    votes of few draws.
    """
    count, sure = work.config.attacked, done[None]
    found = 0
    for radius, told in done.items():
        if radius is not None:
            within = sure["radius"][:count] > told["distance"]
            found += int(
                np.sum(within & (told["answered"] != sure["predicted"][:count]))
            )
    return found


def text(summary: dict[str, Any]) -> str:
    """The title, the table and what it rests on, for a terminal."""
    rows = [_cells(row) for row in summary["radii"]]
    notes = [
        f"mean certified radius {summary['mean_radius']:.4f}; abstained on "
        f"{percent(summary['abstained']['value'])} of the images.",
        f"Each certificate is wrong with probability {summary['alpha']} at most. "
        "Intervals are Clopper-Pearson's, over images.",
    ]
    if summary["attacked"]:
        notes.append(
            f"{summary['contradicted']} attacked image(s) answered otherwise within "
            "their certified radius."
        )
    return "\n".join([summary["title"], aligned(HEAD, rows), *notes])


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    sure = row["certified"]
    mine = [percent(sure["value"]), span(sure["clopper_pearson"]), str(sure["images"])]
    if "attacked" not in row:
        return (f"{row['radius']:g}", *mine, *[""] * 4)
    told, same = row["attacked"], row["attacked_certified"]
    return (
        f"{row['radius']:g}",
        *mine,
        percent(told["value"]),
        span(told["clopper_pearson"]),
        percent(same["value"]),
        str(told["images"]),
    )


def _plot(summary: dict[str, Any]) -> bytes:
    """Certified accuracy against the radius, with the attacked accuracy as points."""
    theme = plots.LIGHT
    with plots.canvas(6.0, 4.2, theme) as figure:
        figure.set_layout_engine("constrained")
        axis = figure.subplots()
        _staircase(axis, summary, theme)
        told = [row for row in summary["radii"] if "attacked" in row]
        if told:
            _points(axis, told, theme)
        axis.set_ylim(0, 100)
        axis.set_xlim(left=0)
        axis.set_xlabel("L2 radius (pixels in [0, 1], whole image)")
        axis.set_ylabel("accuracy (%)")
        axis.set_title(summary["title"], loc="left")
        axis.legend(loc="lower left")
        return plots.encoded(figure)


def _staircase(axis: Any, summary: dict[str, Any], theme: plots.Theme) -> None:
    """Each step down is one certificate's radius; beyond the last there is none."""
    curve = summary["curve"]
    last = max(curve[-1]["radius"], summary["radii"][-1]["radius"])
    x = [point["radius"] for point in curve]
    levels = np.array([[p["value"], *p["clopper_pearson"]] for p in curve])
    # The value at a radius holds from the radius before it up to that one.
    x, levels = np.array([*x, last]), 100 * np.vstack([levels, np.zeros(3)])
    axis.step(x, levels[:, 0], where="pre", color=theme.bpda, label="certified")
    low, high = levels[:, 1], levels[:, 2]
    axis.fill_between(
        x[:-1], low[:-1], high[:-1], step="pre", color=theme.bpda, alpha=0.14, lw=0
    )


def _points(axis: Any, told: list[dict[str, Any]], theme: plots.Theme) -> None:
    x = [row["radius"] for row in told]
    y = 100 * np.array([row["attacked"]["value"] for row in told])
    ends = 100 * np.array([row["attacked"]["clopper_pearson"] for row in told]).T
    axis.errorbar(
        x,
        y,
        yerr=np.abs(ends - y),
        color=theme.exact,
        marker="o",
        capsize=3,
        label="under L2 PGD",
    )
