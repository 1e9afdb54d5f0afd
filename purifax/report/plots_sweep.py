"""The picture of a sweep over one field."""

from collections.abc import Sequence

from purifax.report.plots import Theme, canvas, encoded
from purifax.report.plots_compare import bars

__all__ = ["picture"]


def picture(field: str, rows: Sequence[dict], theme: Theme) -> bytes:
    """Accuracy of the defended model against the values of one field, as PNG.

    Args:
        rows: those of sweep.json; bars are their 95% intervals.
    """
    values = list(dict.fromkeys(row[field] for row in rows))
    mine = [row for row in rows if row["model"] == "defended"] or rows
    with canvas(6.0, 3.8, theme) as figure:
        axes = figure.add_subplot()
        for attack in dict.fromkeys(row["attack"] for row in mine):
            some = [row for row in mine if row["attack"] == attack]
            bars(axes, attack, some, [values.index(r[field]) for r in some], theme)
        axes.set_xticks(range(len(values)), values)
        axes.set_xlabel(field)
        axes.set_ylabel("accuracy (%)")
        axes.set_ylim(-2, 102)
        figure.legend(loc="outside upper center", ncols=3)
        figure.set_layout_engine("constrained")
        return encoded(figure)
