"""Tables of results as aligned text."""

import textwrap
from collections.abc import Sequence

import numpy as np

from purifax.report.summary import entry, plain
from purifax.report.types import Result
from purifax.report.words import percent, span

__all__ = ["aligned", "rows", "table", "text"]

HEAD = (
    "model",
    "attack",
    "threat",
    "accuracy",
    "95% interval",
    "right every time",
    "images",
    "keys",
    "seconds",
)
_RIGHT = HEAD[3:]
_ANSWERS = ("label", "clean", "attacked")


def table(results: Sequence[Result]) -> str:
    """One line per model without an attack and one per attack, aligned.

    "right every time" is the rate of images right under every key; the worst of
    `keys` submissions.
    """
    answers = [np.max(getattr(r.record, n)) for r in results for n in _ANSWERS]
    classes = int(max(answers, default=0)) + 1
    return aligned(HEAD, rows([plain(entry(result, classes)) for result in results]))


def text(summary: dict) -> str:
    """The table, the reading and the checklist of a summary, for a terminal."""
    parts = [aligned(HEAD, rows(summary["attacks"], summary["models"]))]
    marks = {"finding": "- ", "warning": "! "}
    parts += [
        _wrapped(marks[said["level"]], said["text"]) for said in summary["reading"]
    ]
    parts.append("checks")
    parts += [
        _wrapped(f"  {check['status']:<8}", f"{check['name']}. {check['text']}")
        for check in summary["checks"]
    ]
    return "\n".join(parts)


def rows(entries: Sequence[dict], models: dict | None = None) -> list[tuple[str, ...]]:
    """Cells of the table, from "attacks" and "models" of summary.json."""
    cells = []
    for model in dict.fromkeys(one["model"] for one in entries):
        mine = [one for one in entries if one["model"] == model]
        clean = models[model]["clean"] if models else mine[0]["clean"]
        cells.append(_row(model, "no attack", "", clean, None))
        for one in mine:
            if one["gradient"] != "none":
                where = f"{one['threat']} {one['radius_text']}"
                seconds = one["cost"]["seconds"]
                cells.append(
                    _row(model, one["attack"], where, one["attacked"], seconds)
                )
        for worst in models[model]["worst_case"] if models else []:
            where = f"{worst['threat']} {worst['radius_text']}"
            name = f"worst of these {len(worst['attacks'])}"
            cells.append(_row(model, name, where, worst["attacked"], None))
    return cells


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


def _row(
    model: str, attack: str, where: str, outcome: dict, seconds: float | None
) -> tuple[str, ...]:
    average = outcome["average"]
    return (
        model,
        attack,
        where,
        percent(average["value"]),
        span(average["interval"]),
        percent(outcome["every_key"]["value"]),
        str(average["images"]),
        str(average["keys"]),
        "" if seconds is None else f"{seconds:.1f}",
    )


def _wrapped(mark: str, words: str) -> str:
    return textwrap.fill(
        words, 88, initial_indent=mark, subsequent_indent=" " * len(mark)
    )
