"""The picture of the throughput of chains."""

from typing import Any

from purifax.report.plots import LIGHT, canvas, encoded

__all__ = ["picture"]


def picture(found: dict[str, Any]) -> bytes:
    """Chains a second against their number, together and in a Python loop, as PNG.

    Args:
        found: what `chains.json` holds.
    """
    rows = found["rows"]
    with canvas(6.0, 3.6, LIGHT) as figure:
        axes = figure.add_subplot()
        ways = (("seconds", "one program", LIGHT.exact, "o"),)
        ways += (("python_seconds", "Python loop over steps", LIGHT.blind, "s"),)
        for name, label, colour, marker in ways:
            mine = [row for row in rows if row[name] is not None]
            x = [row["chains"] for row in mine]
            y = [row["chains"] / row[name] for row in mine]
            axes.plot(x, y, color=colour, marker=marker, label=label)
        axes.set_xscale("log", base=4)
        counts = [row["chains"] for row in rows]
        axes.set_xticks(counts, [f"{count:,}" for count in counts])
        axes.set_yscale("log")
        axes.set_xlabel("chains at once")
        axes.set_ylabel("chains a second")
        axes.legend()
        figure.set_layout_engine("constrained")
        return encoded(figure)
