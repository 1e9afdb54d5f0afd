"""The report of an evaluation: files, terminal text, and how to make it again.

    summary = report.write(workdir, Findings(...))
    print(report.text(summary))

writes into the work directory

    record.npz      every outcome, per image and per key, and the images shown
    summary.json    every number of the report; laid out in `report_summary`
    report.md       to read in a terminal or a repository
    report.html     one file with everything in it, light and dark
    grid.png, film.png, accuracy_vs_{strength,runs,steps,iterations,restarts}.png,
    worst_of.png    each if there is something to draw

The first two are written before anything that needs matplotlib or jinja2, and the rest
is made of them alone: `rebuild(workdir)` makes it again, and `read(workdir)` gives back
the `Findings`. The same evaluation gives the same bytes.
"""

import math
import os
import pathlib

from purifax.report import html, pages, plots, plots_grid
from purifax.report import records as report_records
from purifax.report import summary as summaries
from purifax.report.pictures import Pictures
from purifax.report.tables import table, text
from purifax.report.types import PICTURES, Curve, Findings, Result, curve
from purifax.run.workdir import read_json, write_json

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


def write(folder: pathlib.Path | str, evaluation: Findings) -> dict:
    """Writes all files of the report into `folder`, each whole or not at all.

    Returns:
        The content of summary.json.

    Raises:
        ModuleNotFoundError: matplotlib or jinja2 is missing; record.npz and
            summary.json are there.
    """
    folder = _folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    everything = (*evaluation.results, *evaluation.sweep)
    report_records.save(
        folder / "record.npz",
        {result.name: result.record for result in everything},
        evaluation.pictures,
    )
    summary = summaries.summarise(evaluation)
    write_json(folder / "summary.json", summary)

    light, dark = (
        _drawn(summary, evaluation.pictures, theme)
        for theme in (plots.LIGHT, plots.DARK)
    )
    for name, file in pages.FILES.items():
        if name in light:
            _write(folder / file, light[name])
    _write(folder / "report.md", pages.markdown(summary, light).encode())
    _write(folder / "report.html", pages.html(summary, light, dark).encode())
    return summary


def rebuild(folder: pathlib.Path | str) -> dict:
    """Makes the report of a work directory again from its record and summary."""
    return write(folder, read(folder))


def read(folder: pathlib.Path | str) -> Findings:
    """The evaluation that a work directory reports on.

    Raises:
        FileNotFoundError: it has no summary.json or no record.npz.
        ValueError: they are damaged, of another schema, or not of one evaluation.
    """
    folder = _folder(folder)
    for name in ("summary.json", "record.npz"):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{folder} has no {name}; is it the work directory of an evaluation "
                "that has finished?"
            )
    summary = read_json(folder / "summary.json")
    schema = summary.get("schema") if isinstance(summary, dict) else None
    if schema != summaries.SCHEMA:
        raise ValueError(
            f"{folder / 'summary.json'} has schema {schema}; this version reads "
            f"{summaries.SCHEMA}. Run the evaluation again in a new --workdir."
        )
    try:
        return _evaluation(folder, summary)
    except KeyError as error:
        raise ValueError(
            f"{folder}: summary.json and record.npz do not fit each other; {error} is "
            "missing from one of them."
        ) from None


def _folder(path: pathlib.Path | str) -> pathlib.Path:
    folder = pathlib.Path(path)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; a report needs a folder.")
    return folder


def _evaluation(folder: pathlib.Path, summary: dict) -> Findings:
    records = report_records.load(folder / "record.npz")

    def results(which: str) -> tuple[Result, ...]:
        return tuple(
            Result(
                **{name: one[name] for name in ("model", "attack", "gradient")},
                **{name: one[name] for name in ("threat", "radius")},
                **{name: one[name] for name in ("budget", "seeds")},
                record=records[one["name"]],
                seconds=_number(one["cost"]["seconds"]),
                evaluations=one["cost"]["network_evaluations"],
            )
            for one in summary[which]
        )

    return Findings(
        **{name: summary[name] for name in ("title", "dataset", "command")},
        **{name: summary[name] for name in ("seeds", "versions", "hashes", "settings")},
        num_classes=summary["classes"],
        results=results("attacks"),
        sweep=results("sweep"),
        curves=tuple(
            _curve(line) for line in summary["curves"] if line["picture"] != "strength"
        ),
        pictures=report_records.load_pictures(folder / "record.npz"),
        models={name: one["description"] for name, one in summary["models"].items()},
        seconds=_number(summary["seconds"]),
        notes=tuple(summary["notes"]),
        probe={name: tuple(map(_number, p)) for name, p in summary["probe"].items()},
        gradient=_figures(summary.get("gradient", {})),
    )


def _curve(line: dict) -> Curve:
    points: dict = {n: tuple(map(_number, line[n])) for n in ("x", "y", "low", "high")}
    return Curve(**line | points)


def _figures(stored: dict) -> dict[str, float | bool]:
    return {name: _number(value) for name, value in stored.items()}


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _drawn(
    summary: dict, pictures: Pictures | None, theme: plots.Theme
) -> dict[str, bytes]:
    """The pictures there is something to draw for, by their names in `FILES`."""
    html.need("matplotlib")
    made = {name: plots.lines(name, summary["curves"], theme) for name in PICTURES}
    made["worst_of"] = plots.worst_of(summary["attacks"], theme)
    made["grid"] = plots_grid.grid(pictures, theme) if pictures else None
    made["film"] = plots_grid.film(pictures, theme) if pictures else None
    return {name: png for name, png in made.items() if png is not None}


def _write(path: pathlib.Path, content: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    os.replace(part, path)
