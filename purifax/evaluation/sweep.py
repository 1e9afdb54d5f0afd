"""One evaluation for each value of some fields, and all of them in one table.

Every point of the grid is an evaluation of its own, in a folder of its own with its
record and report, so a sweep resumes where it stopped. All points have the images, the
seed and the keys of the base config: their differences are not noise of the draw.
"""

import csv
import itertools
import pathlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from purifax.evaluation.settings import (
    Evaluation,
)
from purifax.report import escape, plots, plots_sweep
from purifax.run import config as configlib
from purifax.run import json_text, workdir
from purifax.run.extras import extra
from purifax.run.hold import held
from purifax.run.overrides import UsageError, apply

__all__ = ["Point", "grid", "run", "text"]

_COLUMNS = (
    "model",
    "attack",
    "gradient",
    "threat",
    "radius",
    "accuracy",
    "low",
    "high",
)
_MORE = ("right_every_time", "images", "keys", "network_evaluations", "seconds")


@dataclass(frozen=True)
class Point:
    """One evaluation of a sweep: the values of its swept fields, as they were typed."""

    values: dict[str, str]
    config: Evaluation

    @property
    def name(self) -> str:
        """The name of its folder."""
        words = (f"{field}={value}" for field, value in self.values.items())
        return ",".join(words).replace("/", "_")


def grid(config: Evaluation, sweeps: Sequence[str]) -> list[Point]:
    """All combinations of the values of `sweeps`, in the order given.

    Args:
        sweeps: such as "purifier.sigma=0.1,0.2"; each names one field.

    Raises:
        UsageError: no values, a field twice, an unknown field or a wrong value.
    """
    axes: dict[str, list[str]] = {}
    for sweep in sweeps:
        field, _, words = sweep.partition("=")
        values = list(dict.fromkeys(w.strip() for w in words.split(",") if w.strip()))
        if not values:
            raise UsageError(f"--sweep={sweep} has no values; write FIELD=VALUE,VALUE.")
        if field in axes:
            raise UsageError(f"--sweep names {field} twice; list all its values once.")
        axes[field] = values
    points = [
        dict(zip(axes, values, strict=True))
        for values in itertools.product(*axes.values())
    ]
    return [Point(values, apply(config, list(values.items()))) for values in points]


def run(
    config: Evaluation,
    sweeps: Sequence[str],
    folder: pathlib.Path,
    evaluate: Callable[[Evaluation, pathlib.Path], None],
) -> None:
    """Evaluates every point, then writes sweep.csv, sweep.json and a picture.

    Args:
        evaluate: does one point in its folder.

    Raises:
        ValueError: a point that cannot be run, or a folder of another config; before
            anything is run.
    """
    points = grid(config, sweeps)
    for point in points:
        point.config.check()
        workdir.check(folder / point.name, point.config)
    with held(folder):
        for number, point in enumerate(points, 1):
            print(f"\n{number}/{len(points)} {point.name}", flush=True)
            evaluate(point.config, folder / point.name)
        rows = [row for point in points for row in _rows(point, folder)]
        _write(folder, config, points, rows)
    print(f"\n{text(points, rows)}\nall points: {folder / 'sweep.csv'}")


def _rows(point: Point, folder: pathlib.Path) -> list[dict[str, Any]]:
    """Every attack of one point, from its summary."""
    path = folder / point.name / "summary.json"
    found = json_text.read(path, dict)
    try:
        return [point.values | _row(entry) for entry in found["attacks"]]
    except (AttributeError, LookupError, TypeError) as error:
        raise ValueError(
            f"{path} is not the summary of an evaluation ({error!r:.60})."
        ) from None


def _row(entry: dict) -> dict[str, Any]:
    average = entry["attacked"]["average"]
    numbers = {
        "accuracy": average["value"],
        "low": average["interval"][0],
        "high": average["interval"][1],
        "right_every_time": entry["attacked"]["every_key"]["value"],
        "images": entry["images"],
        "keys": entry["keys"],
        **entry["cost"],
    }
    words = ("model", "attack", "gradient", "threat", "radius")
    return {name: entry[name] for name in words} | numbers


def _write(
    folder: pathlib.Path, config: Evaluation, points: list[Point], rows: list[dict]
) -> None:
    fields = list(points[0].values)
    path = folder / "sweep.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [*fields, *_COLUMNS, *_MORE], extrasaction="raise")
        table.writeheader()
        table.writerows(
            {name: escape.csv_cell(value) for name, value in row.items()}
            for row in rows
        )
    found = {
        "swept": {name: [p.values[name] for p in points] for name in fields},
        "config": configlib.encode(config),
        "versions": workdir.versions(),
        "folders": [point.name for point in points],
        "rows": rows,
    }
    workdir.write_json(folder / "sweep.json", found)
    if len(fields) == 1:
        with extra("sweep.png"):
            picture = plots_sweep.picture(fields[0], rows, plots.LIGHT)
            (folder / "sweep.png").write_bytes(picture)


def text(points: list[Point], rows: list[dict]) -> str:
    """The accuracies as a table: a line a point, a column an attack.

    Those of the defended model; sweep.csv has the others.
    """
    mine = [row for row in rows if row["model"] == "defended"] or rows
    columns = list(dict.fromkeys(row["attack"] for row in mine))
    lines = [[*points[0].values, *columns]]
    lines += [_line(point, columns, mine) for point in points]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(word.rjust(width) for word, width in zip(line, widths, strict=True))
        for line in lines
    )


def _line(point: Point, columns: list[str], rows: list[dict]) -> list[str]:
    found = {r["attack"]: r for r in rows if point.values.items() <= r.items()}
    told = (
        f"{100 * r['accuracy']:.1f} [{100 * r['low']:.1f}, {100 * r['high']:.1f}]"
        for r in (found[column] for column in columns)
    )
    return [*point.values.values(), *told]
