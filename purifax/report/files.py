"""The report of an evaluation: its files, its text, and how to make it again.

    summary = files.write(workdir, Findings(...))
    print(files.text(summary))

writes into the work directory

    record.npz      every outcome, per image and per key, and the images shown
    summary.json    every number of the report; see `summary`
    table.csv       the table of accuracies, as fractions
    table.tex       the same in LaTeX, for a paper
    report.md       to read in a terminal or a repository
    report.html     one file with everything inside, light and dark
    grid.png, film.png, accuracy_vs_{strength,runs,steps,iterations,restarts}.png,
    worst_of.png    each if there is something to draw
    figures/        the same figures as PDF and SVG

The first four are written before anything that needs matplotlib or jinja2. The others
are made from the first two; one that fails is a line on stderr and costs no other.
`rebuild(workdir)` makes them again, and `read(workdir)` returns the `Findings`. The
same evaluation gives the same bytes.
"""

import math
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from purifax.record import Record
from purifax.report import figures, html, latex, pages, plots, tables
from purifax.report import records as report_records
from purifax.report import summary as summaries
from purifax.report.pictures import Pictures
from purifax.report.tables import table, text
from purifax.report.types import Curve, Findings, Result, curve
from purifax.run import json_text
from purifax.run.extras import extra
from purifax.run.workdir import write_json

__all__ = [
    "Curve",
    "Findings",
    "Pictures",
    "Result",
    "curve",
    "read",
    "rebuild",
    "table",
    "text",
    "write",
]


def write(
    folder: pathlib.Path | str, findings: Findings, summary: dict | None = None
) -> dict:
    """Write all files of the report into `folder`, each whole or not at all.

    Args:
        summary: that of the same findings, if it was made before.

    Returns:
        The content of summary.json.

    Raises:
        ValueError: `folder` is a file.
    """
    folder = _folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    everything = (*findings.results, *findings.sweep)
    report_records.save(
        folder / "record.npz",
        {result.name: result.record for result in everything},
        findings.pictures,
    )
    summary = summaries.summarise(findings) if summary is None else summary
    write_json(folder / "summary.json", summary)
    table_tex = latex.table(summary, latex.caption(summary), "tab:robustness")
    _write(folder / "table.csv", tables.comma_separated(summary).encode())
    _write(folder / "table.tex", table_tex.encode())

    light, dark = _draw(folder, summary, findings.pictures)
    with extra("report.md"):
        _write(folder / "report.md", pages.markdown(summary, light).encode())
    with extra("report.html"):
        _write(folder / "report.html", pages.html(summary, light, dark).encode())
    return summary


def _draw(
    folder: pathlib.Path, summary: dict, pictures: Pictures | None
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Write every figure that can be drawn. Returns their PNGs on either ground."""
    light: dict[str, bytes] = {}
    dark: dict[str, bytes] = {}
    with extra("figures"):
        html.need("matplotlib")
        (folder / "figures").mkdir(exist_ok=True)
        for name, file in pages.FILES.items():
            with extra(file):
                drawing = figures.drawn_one(
                    name, summary, pictures, plots.LIGHT, [*plots.FORMATS]
                )
                other = figures.drawn_one(
                    name, summary, pictures, plots.DARK, plots.PNG
                )
                if drawing is None or other is None:
                    continue
                for path, content in figures.files({name: drawing}).items():
                    place = folder if path == file else folder / "figures"
                    _write(place / path, content)
                light[name], dark[name] = drawing["png"], other["png"]
    return light, dark


def rebuild(folder: pathlib.Path | str) -> dict:
    """Make the report of a work directory again from its record and summary."""
    return write(folder, read(folder))


def read(folder: pathlib.Path | str) -> Findings:
    """The findings that a work directory reports.

    Raises:
        FileNotFoundError: it has no summary.json or no record.npz.
        ValueError: they are damaged, of another schema, or of two evaluations.
    """
    folder = _folder(folder)
    for name in ("summary.json", "record.npz"):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{folder} has no {name}; is it the work directory of an evaluation "
                "that has finished?"
            )
    path = folder / "summary.json"
    summary = json_text.read(path)
    schema = summary.get("schema") if isinstance(summary, dict) else None
    if schema != summaries.SCHEMA:
        raise ValueError(
            f"{path} has schema {schema!r:.40}; this version reads "
            f"{summaries.SCHEMA}. Run the evaluation again in a new --workdir."
        )
    records = report_records.load(folder / "record.npz")
    pictures = report_records.load_pictures(folder / "record.npz")
    try:
        return _findings(summary, records, pictures)
    except KeyError as error:
        raise ValueError(
            f"{folder}: summary.json and record.npz do not fit each other; {error} is "
            "missing from one of them."
        ) from None
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({error}).") from None


def _folder(path: pathlib.Path | str) -> pathlib.Path:
    folder = pathlib.Path(path)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; a report needs a folder.")
    return folder


def _findings(
    summary: dict, records: Mapping[str, Record], pictures: Pictures | None
) -> Findings:
    def results(which: str) -> tuple[Result, ...]:
        return tuple(
            Result(
                **{name: _of(str, one, name) for name in _WORDS},
                **{name: _of(dict, one, name) for name in ("budget", "seeds")},
                radius=_number(one["radius"]),
                record=records[one["name"]],
                seconds=_number(one["cost"]["seconds"]),
                evaluations=_whole(one["cost"]["network_evaluations"]),
                key=str(one.get("key", "")),  # files of earlier versions have none
            )
            for one in summary[which]
        )

    words = {name: _of(str, summary, name) for name in ("title", "dataset", "command")}
    _classes(_of(int, summary, "classes"), records)
    named = ("seeds", "versions", "hashes", "settings")
    return Findings(
        **words,
        **{name: _of(dict, summary, name) for name in named},
        num_classes=_of(int, summary, "classes"),
        results=results("attacks"),
        sweep=results("sweep"),
        curves=tuple(
            _curve(line) for line in summary["curves"] if line["picture"] not in _MADE
        ),
        pictures=pictures,
        models={
            n: _of(str, one, "description") for n, one in summary["models"].items()
        },
        seconds=_number(summary["seconds"]),
        notes=tuple(map(str, _of(list, summary, "notes"))),
        probe={name: tuple(map(_number, p)) for name, p in summary["probe"].items()},
        gradient=_figures(summary.get("gradient", {})),
        compression={
            name: tuple(map(_number, rates))
            for name, rates in summary.get("compression", {}).items()
        },
    )


_MADE = ("strength", "steps")
"""Curves that are made of the results, or by earlier versions alone."""


def _curve(line: dict) -> Curve:
    points: dict = {n: tuple(map(_number, line[n])) for n in ("x", "y", "low", "high")}
    counts = {name: _of(int, line, name) for name in ("images", "keys")}
    return Curve(**line | points | counts)


def _figures(stored: dict) -> dict[str, float | bool]:
    return {
        name: value if isinstance(value, bool) else _number(value)
        for name, value in stored.items()
    }


def _number(value: Any) -> float:
    """A number of the summary, in which null is one that is not finite."""
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r:.40} is no number")
    return value


def _classes(count: int, records: Mapping[str, Record]) -> None:
    """Refuse outcomes that are no classes: -1 stands for no answer."""
    for name, record in records.items():
        for each in ("label", "clean", "attacked"):
            found = np.asarray(getattr(record, each))
            if found.dtype.kind not in "iu" or not np.all(
                (-1 <= found) & (found < count)
            ):
                raise ValueError(
                    f"{name} has a `{each}` that is none of {count} classes"
                )


def _whole(value: Any) -> int | None:
    return value if value is None else int(_number(value))


_WORDS = ("model", "attack", "gradient", "threat")


def _of(kind: type, values: Any, name: str) -> Any:
    """An entry of a dictionary, which must be of this type."""
    value = values[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"`{name}` is {value!r:.40}, and no {kind.__name__}")
    return value


def _write(path: pathlib.Path, content: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    os.replace(part, path)
