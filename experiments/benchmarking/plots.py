"""Pictures of the benchmark: gradients against draws and length, chains, scaling."""

from typing import Any

from experiments.benchmarking.scaling import fits
from purifax.report.plots import LIGHT, canvas, encoded

__all__ = ["pictures"]

COLOURS = {
    "forward": LIGHT.other,
    "bpda": LIGHT.bpda,
    "exact": LIGHT.exact,
    "stored": LIGHT.blind,
}


def pictures(found: dict[str, Any]) -> dict[str, bytes]:
    """PNG bytes by name, of the parts that were timed.

    Args:
        found: what `benchmark.json` holds.
    """
    drawn = {"gradients": _gradients, "chains": _chains, "scaling": _scaling}
    parts = {
        name: [row for row in found["rows"] if row["part"] == name] for name in drawn
    }
    return {name: drawn[name](rows) for name, rows in parts.items() if rows}


def _gradients(rows: list[dict[str, Any]]) -> bytes:
    """Seconds an image, and memory, of a step of each kind."""
    numbers = [row["numbers"] for row in rows]
    fewest = min(n["draws"] for n in numbers)
    shortest = min(n["length"] for n in numbers)
    with canvas(9.0, 5.6, LIGHT) as figure:
        figure.set_layout_engine("constrained")
        axes = figure.subplots(2, 2)
        sides = (("draws", "length", shortest), ("length", "draws", fewest))
        for column, (along, other, fixed) in enumerate(sides):
            mine = [row for row in rows if row["numbers"][other] == fixed]
            word = {"draws": "draws (EOT)", "length": "steps of the purifier"}[along]
            _lines(axes[0][column], mine, along, "seconds an image", _seconds)
            _lines(axes[1][column], mine, along, "MiB a device", _mebibytes)
            axes[1][column].set_xlabel(word)
        axes[0][0].legend()
        return encoded(figure)


def _lines(axes: Any, rows: list[dict], along: str, word: str, value: Any) -> None:
    for way, colour in COLOURS.items():
        mine = sorted(
            (row["numbers"][along], value(row))
            for row in rows
            if row["numbers"]["way"] == way
        )
        axes.plot(*zip(*mine, strict=True), color=colour, marker="o", label=way)
    axes.set(xscale="log", yscale="log", ylabel=word)


def _seconds(row: dict[str, Any]) -> float:
    return row["seconds"] / row["images"]


def _mebibytes(row: dict[str, Any]) -> float:
    return row["numbers"]["temporary_bytes_a_device"] / 2**20


def _chains(rows: list[dict[str, Any]]) -> bytes:
    """Chains a second against their number."""
    counts = [row["images"] for row in rows]
    with canvas(5.0, 3.4, LIGHT) as figure:
        figure.set_layout_engine("constrained")
        axes = figure.add_subplot()
        rates = [row["images_a_second"] for row in rows]
        axes.plot(counts, rates, color=LIGHT.exact, marker="o")
        axes.set(xscale="log", yscale="log")
        axes.set_xticks(counts, [f"{count:,}" for count in counts])
        axes.set_xlabel("chains at once")
        axes.set_ylabel("chains a second")
        return encoded(figure)


def _scaling(rows: list[dict[str, Any]]) -> bytes:
    """Seconds along every axis, with the fitted line."""
    fitted = fits(rows)
    with canvas(2.6 * len(fitted) + 0.4, 3.0, LIGHT) as figure:
        figure.set_layout_engine("constrained")
        panels = figure.subplots(1, len(fitted), squeeze=False)[0]
        for axes, (axis, fit) in zip(panels, fitted.items(), strict=True):
            mine = [row for row in rows if row["numbers"]["axis"] == axis]
            values = [row["numbers"]["value"] for row in mine]
            line = [fit["fixed"] + fit["each"] * value for value in values]
            axes.plot(values, line, color=LIGHT.other, label="fitted line")
            seconds = [row["seconds"] for row in mine]
            axes.plot(values, seconds, "o", color=LIGHT.exact, label="seconds")
            axes.set(xscale="log", yscale="log")
            axes.set_xticks(values, [f"{value:,}" for value in values])
            axes.minorticks_off()
            axes.set_xlabel(f"{axis}, power {fit['power']:.2f}")
        panels[0].legend()
        return encoded(figure)
