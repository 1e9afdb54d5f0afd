"""The figure of a sweep over one field."""

from collections.abc import Sequence

from purifax.report.plots import Theme, canvas, encoded, literal
from purifax.report.plots_compare import bars

__all__ = ["picture"]


def picture(field: str, rows: Sequence[dict], theme: Theme) -> bytes:
    """Accuracy of the defended model against the values of one field, as PNG.

    Args:
        rows: those of sweep.json; bars are their 95% intervals.
    """
    values = list(dict.fromkeys(row[field] for row in rows))
    shown = [row for row in rows if row["model"] == "defended"] or rows
    with canvas(6.0, 3.8, theme) as figure:
        axes = figure.add_subplot()
        for attack in dict.fromkeys(row["attack"] for row in shown):
            chosen = [row for row in shown if row["attack"] == attack]
            places = [values.index(row[field]) for row in chosen]
            bars(axes, attack, chosen, places, theme)
        axes.set_xticks(range(len(values)), [literal(str(value)) for value in values])
        axes.set_xlabel(literal(field))
        axes.set_ylabel("accuracy (%)")
        axes.set_ylim(-2, 102)
        figure.legend(loc="outside upper center", ncols=3)
        figure.set_layout_engine("constrained")
        return encoded(figure)
