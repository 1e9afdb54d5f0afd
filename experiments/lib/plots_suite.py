"""Pictures of the benchmark: gradients against draws and length, and chains."""

from typing import Any

from experiments.lib.plots import LIGHT, canvas, encoded

__all__ = ["pictures"]

COLOURS = {"forward": LIGHT.other, "bpda": LIGHT.bpda, "exact": LIGHT.exact}


def pictures(found: dict[str, Any]) -> dict[str, bytes]:
    """PNG bytes by name, of the parts that were timed.

    Args:
        found: what `benchmark.json` holds.
    """
    drawn = {"gradients": _gradients, "chains": _chains}
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
