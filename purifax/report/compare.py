"""Several evaluations side by side: accuracy, cost, and paired differences.

    python -m experiments.evaluate --compare=DIR0,DIR1,... --workdir=OUT

The evaluations are of different defences on the same images under the same threat.
Differences are to the first of them, on their common images. The files are

    comparison.json   everything that the others are made of
    comparison.csv    its rows, one for each attack on each evaluation
    comparison.md     to read in a terminal or a repository
    comparison.html   one file with everything inside, light and dark
    comparison.png, comparison_{worst_of,strength}.png
                      the last two if there is something to draw
"""

import csv
import json
import pathlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from purifax import record as records
from purifax.report import (
    compare_curves,
    compare_page,
    escape,
    files,
    html,
    overestimates,
    plots,
    plots_compare,
)
from purifax.report.compare_curves import WORST
from purifax.report.comparisons import paired, strongest
from purifax.report.summary import plain
from purifax.report.types import Findings, Result
from purifax.report.words import CLEAN
from purifax.run import workdir
from purifax.run.extras import extra

__all__ = ["Entry", "compare"]


@dataclass(frozen=True)
class Entry:
    """One evaluation of a comparison.

    Attributes:
        name: of its folder.
        results: those of its defended model, or of the undefended one where it has no
            other, by the title of the attack; `CLEAN` and `WORST` are added.
        summary: its summary.json.
    """

    name: str
    findings: Findings
    results: dict[str, Result]
    summary: dict[str, Any]

    @property
    def description(self) -> str:
        """The description of the model."""
        return self.findings.models.get(self.results[CLEAN].model, "")


def compare(
    folders: Sequence[pathlib.Path], out: pathlib.Path, command: str
) -> list[Entry]:
    """Write the comparison of finished evaluations into `out`.

    Raises:
        ValueError: fewer than two, other images, another threat, an evaluation without
            clean images, or an `out` that is one of the folders.
        FileNotFoundError: a folder without a finished evaluation.
    """
    if len(folders) < 2:
        raise ValueError("--compare needs two work directories or more, with commas.")
    if out.resolve() in {folder.resolve() for folder in folders}:
        raise ValueError(f"{out} is one of those to compare; give another --workdir.")
    entries = [_entry(folder) for folder in folders]
    _alike(entries)
    comparison = plain(_comparison(entries, command))
    out.mkdir(parents=True, exist_ok=True)
    workdir.write_json(out / "comparison.json", comparison)
    with (out / "comparison.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(comparison["rows"][0]))
        table.writeheader()
        table.writerows(
            {name: escape.csv_cell(value) for name, value in row.items()}
            for row in comparison["rows"]
        )
    light: dict[str, bytes] = {}
    dark: dict[str, bytes] = {}
    with extra("figures"):
        html.need("matplotlib")
        dark = plots_compare.drawn(comparison, plots.DARK)
        light = plots_compare.drawn(comparison, plots.LIGHT)
        for name, png in light.items():
            (out / compare_page.FILES[name]).write_bytes(png)
    markdown = compare_page.markdown(comparison, light)
    (out / "comparison.md").write_text(markdown, encoding="utf-8")
    with extra("comparison.html"):
        page = compare_page.html(comparison, light, dark)
        (out / "comparison.html").write_text(page, encoding="utf-8")
    return entries


def _comparison(entries: Sequence[Entry], command: str) -> dict[str, Any]:
    """The content of comparison.json."""
    first = entries[0]
    where = max(first.results.values(), key=lambda result: result.radius)
    rows = [row for entry in entries for row in _rows(entry)]
    checks = {entry.name: entry.summary["checks"] for entry in entries}
    return {
        "title": f"{first.findings.dataset}: {len(entries)} evaluations",
        "command": command,
        "threat": where.threat,
        "radius": where.radius,
        "models": {entry.name: entry.description for entry in entries},
        "reading": compare_curves.reading(rows, checks),
        "rows": rows,
        "differences": _differences(entries),
        "overestimates": overestimates.rows(_same(entries)),
        "curves": [
            line
            for entry in entries
            for line in compare_curves.curves(entry.name, entry.results, entry.summary)
        ],
        "checks": checks,
        "seconds": {entry.name: entry.findings.seconds for entry in entries},
        "settings": {entry.name: entry.findings.settings for entry in entries},
        "versions": {entry.name: entry.findings.versions for entry in entries},
    }


def _entry(folder: pathlib.Path) -> Entry:
    findings = files.read(folder)
    models = [result.model for result in findings.results]
    model = "defended" if "defended" in models else "undefended"
    chosen = [result for result in findings.results if result.model == model]
    results = {CLEAN if r.gradient == "none" else r.attack: r for r in chosen}
    if CLEAN not in results:
        raise ValueError(f"{folder} has no result on clean images to compare.")
    attacks = [result for result in chosen if result.gradient != "none"]
    if len(attacks) > 1:
        worst = records.worst_case([result.record for result in attacks])
        results[WORST] = _worst(attacks, worst)
    summary = workdir.read_json(folder / "summary.json")
    return Entry(folder.resolve().name, findings, results, summary)


def _worst(attacks: Sequence[Result], record: records.Record) -> Result:
    """The worst case as a result; its cost is that of all attacks together."""
    first = strongest(attacks)
    return Result(
        model=first.model,
        attack=WORST,
        gradient=first.gradient,
        threat=first.threat,
        radius=first.radius,
        record=record,
        budget={},
        seeds=first.seeds,
        seconds=sum(result.seconds for result in attacks),
        evaluations=None,
    )


def _alike(entries: Sequence[Entry]) -> None:
    """Refuse evaluations whose numbers may not stand side by side."""
    first = entries[0]
    names = [entry.name for entry in entries]
    if len(set(names)) < len(names):
        raise ValueError(f"folders of one name cannot be told apart: {names}.")
    for other in entries[1:]:
        subjects = {
            "images": lambda e: e.findings.dataset,
            "threat": lambda e: e.results[CLEAN].threat,
            "radius": lambda e: max(r.radius for r in e.results.values()),
        }
        for what, of in subjects.items():
            if of(first) != of(other):
                raise ValueError(
                    f"the {what} of {first.name} is {of(first)} and that of "
                    f"{other.name} {of(other)}; they cannot be compared."
                )
        a, b = first.results[CLEAN].record, other.results[CLEAN].record
        _, at, bt = np.intersect1d(a.index, b.index, return_indices=True)
        if not at.size or (np.asarray(a.label)[at] != np.asarray(b.label)[bt]).any():
            raise ValueError(
                f"{first.name} and {other.name} have no images in common, or give "
                "them other labels."
            )


def _same(entries: Sequence[Entry]) -> dict[str, list[tuple[dict, Result]]]:
    """Attacks of several evaluations on the same model, each with its row.

    By the description of the model.
    """
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        settings = json.dumps(entry.findings.settings, sort_keys=True)
        groups.setdefault((entry.description, settings), []).append(entry)
    counts = Counter(description for description, _ in groups)
    return {
        description
        if counts[description] == 1
        else f"{description} ({group[0].name})": [
            (_row(entry, attack, result), result)
            for entry in group
            for attack, result in entry.results.items()
            if attack != WORST
        ]
        for (description, _), group in groups.items()
        if len(group) > 1
    }


def _rows(entry: Entry) -> list[dict[str, Any]]:
    """A row for each attack of one evaluation."""
    return [_row(entry, attack, result) for attack, result in entry.results.items()]


def _row(entry: Entry, attack: str, result: Result) -> dict[str, Any]:
    record = result.record
    right = np.asarray(records.correct(record.attacked, record.label))
    value = right.mean(1)
    low, high = records.interval(value)
    count, keys = right.shape
    return {
        "evaluation": entry.name,
        "model": entry.description,
        "attack": attack,
        "gradient": "worst" if attack == WORST else result.gradient,
        "threat": result.threat,
        "radius": result.radius,
        "accuracy": float(value.mean()),
        "low": float(low),
        "high": float(high),
        "right_every_time": float(right.all(1).mean()),
        "images": count,
        "keys": keys,
        "network_evaluations_an_image": _each(result.evaluations, count),
        "seconds_an_image": _each(result.seconds, count),
    }


def _each(total: float | None, images: int) -> float | None:
    return None if total is None else total / images


def _differences(entries: Sequence[Entry]) -> list[dict]:
    """Each evaluation against the first, on every attack that both have."""
    first, *others = entries
    return [
        {"attack": attack, "first": other.name, "second": first.name}
        | paired((other.results[attack], "attacked"), (result, "attacked"))
        for other in others
        for attack, result in first.results.items()
        if attack in other.results
    ]
