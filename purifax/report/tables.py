"""The table of accuracies: its rows, as aligned text, as Markdown and as CSV.

A row, made by `rows` from the content of summary.json, is a dictionary:

    kind             "clean", "attack" or "worst", the worst case over several attacks
    model, attack    as they are printed
    key              the attack's own name; "clean" and "worst" for the other kinds
    gradient, threat, radius, radius_text
    accuracy, low, high     mean over images and keys, with its 95% interval
    vote, worst_of_m        rates of images: plurality of the keys; all keys correct
    sd                      over keys, of the accuracy under one key
    compression             of the model's purifier, on clean images
    images, keys, network_evaluations, seconds

None stands for what is not known.
"""

import csv
import io
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from purifax.report import escape
from purifax.report.summary import entry, plain
from purifax.report.types import Result
from purifax.report.words import CLEAN, WORST_OF, model_text, percent, span

__all__ = [
    "COLUMNS",
    "aligned",
    "comma_separated",
    "markdown",
    "rows",
    "table",
    "text",
]

COLUMNS: tuple[str, ...] = (
    "model",
    "attack",
    "key",
    "gradient",
    "threat",
    "radius",
    "accuracy",
    "low",
    "high",
    "vote",
    "worst_of_m",
    "sd",
    "compression",
    "images",
    "keys",
    "network_evaluations",
    "seconds",
)
"""The fields of a row that table.csv and data frames have."""

HEAD = (
    "model",
    "attack",
    "threat",
    "accuracy",
    "95% interval",
    WORST_OF,
    "images",
    "keys",
    "seconds",
)
_RIGHT = HEAD[3:]
_MORE = ("vote", WORST_OF, "sd", "compression")
"""Columns of the Markdown table in place of the worst of M alone."""

_PREDICTIONS = ("label", "clean", "attacked")


def rows(summary: dict) -> list[dict[str, Any]]:
    """The rows of the table: a model's clean accuracy, its attacks, its worst case."""
    table_rows = []
    for model, numbers in summary["models"].items():
        clean = {"key": "clean", "gradient": "none", "threat": "", "radius": None}
        clean |= {"compression": numbers.get("compression")}
        table_rows.append(_row("clean", model, CLEAN, clean, numbers["clean"]))
        for one in summary["attacks"]:
            if one["model"] == model and one["gradient"] != "none":
                table_rows.append(
                    _row("attack", model, one["attack"], one, one["attacked"])
                )
        for worst in numbers["worst_case"]:
            title = f"worst of these {len(worst['attacks'])}"
            where = worst | {"key": "worst", "gradient": "worst"}
            table_rows.append(_row("worst", model, title, where, worst["attacked"]))
    return table_rows


def _row(
    kind: str, model: str, attack: str, entry: dict, outcome: dict
) -> dict[str, Any]:
    average, cost = outcome["average"], entry.get("cost", {})
    low, high = average["interval"]
    return {
        "kind": kind,
        "model": model_text(model),
        "attack": attack,
        "key": entry.get("key", ""),
        "gradient": entry["gradient"],
        "threat": entry["threat"],
        "radius": entry["radius"],
        "radius_text": entry.get("radius_text", ""),
        "accuracy": average["value"],
        "low": low,
        "high": high,
        "vote": outcome["vote"]["value"],
        "worst_of_m": outcome["every_key"]["value"],
        "sd": outcome["deviation"],
        "compression": entry.get("compression"),
        "images": average["images"],
        "keys": average["keys"],
        "network_evaluations": cost.get("network_evaluations"),
        "seconds": cost.get("seconds"),
    }


def table(results: Sequence[Result]) -> str:
    """One line per model without an attack and one per attack, aligned.

    The column "worst of M" is the rate of images that are classified correctly under
    all M keys.
    """
    largest = [np.max(getattr(r.record, n)) for r in results for n in _PREDICTIONS]
    classes = int(max(largest, default=0)) + 1
    attacks = [plain(entry(result, classes)) for result in results]
    models = {
        one["model"]: {"clean": one["clean"], "worst_case": []}
        for one in reversed(attacks)
    }
    ordered = dict(reversed(models.items()))
    return _printed({"attacks": attacks, "models": ordered})


def text(summary: dict) -> str:
    """The table, the sentences and the checklist of a summary, for a terminal."""
    marks = {"finding": "- ", "warning": "! "}
    sentences = [
        _wrapped(marks[one["level"]], one["text"]) for one in summary["reading"]
    ]
    checks = [
        _wrapped(f"  {check['status']:<10}", f"{check['name']}. {check['text']}")
        for check in summary["checks"]
    ]
    return "\n".join([_printed(summary), *sentences, "checks", *checks])


def _printed(summary: dict) -> str:
    return aligned(HEAD, [_cells(row) for row in rows(summary)])


def _cells(row: dict) -> tuple[str, ...]:
    return (
        row["model"],
        row["attack"],
        f"{row['threat']} {row['radius_text']}".strip(),
        percent(row["accuracy"]),
        span((row["low"], row["high"])),
        percent(row["worst_of_m"]),
        str(row["images"]),
        str(row["keys"]),
        "" if row["seconds"] is None else f"{row['seconds']:.1f}",
    )


def aligned(head: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """Columns two spaces apart; numbers to the right, words to the left."""
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    ruled = [head, ["-" * width for width in widths], *cells]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if name in _RIGHT else cell.ljust(width)
            for name, cell, width in zip(head, row, widths, strict=True)
        ).rstrip()
        for row in ruled
    )


def markdown(summary: dict) -> str:
    """The table in Markdown, with the accuracy of the vote and the deviation."""
    place = HEAD.index(WORST_OF)
    head = [*HEAD[:place], *_MORE, *HEAD[place + 1 :]]
    rule = ["--:" if name in (*_RIGHT, *_MORE) else ":--" for name in head]
    lines = [head, rule]
    for row in rows(summary):
        cells = _cells(row)
        deviation = "–" if row["sd"] is None else percent(row["sd"])
        rate = "–" if row["compression"] is None else f"{row['compression']:.2f}"
        more = (percent(row["vote"]), cells[place], deviation, rate)
        lines.append([*cells[:place], *more, *cells[place + 1 : -1], cells[-1] or "–"])
    escaped = ([escape.markdown(cell) for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


def comma_separated(summary: dict) -> str:
    """The rows with their `COLUMNS`, as CSV; accuracies are fractions."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: escape.csv_cell(value) for name, value in row.items()}
        for row in rows(summary)
    )
    return file.getvalue()


def _wrapped(mark: str, words: str) -> str:
    return textwrap.fill(
        words, 88, initial_indent=mark, subsequent_indent=" " * len(mark)
    )
