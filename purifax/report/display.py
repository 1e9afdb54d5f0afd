"""The report of an evaluation as an object: in a terminal, a notebook and a paper."""

import functools
import html
import math
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from purifax.report import figures, files, latex, pages, plots, tables
from purifax.report.comparisons import APART
from purifax.report.summary import summarise
from purifax.report.types import Findings, nearest
from purifax.report.words import counted, model_text, percent, span

__all__ = ["Accuracy", "Check", "Report"]


@dataclass(frozen=True)
class Accuracy:
    """An accuracy: the mean over images and evaluation keys.

    Attributes:
        value: in [0, 1].
        low, high: its 95% Wilson interval, with images as the unit.
        images, keys: number of images, and of keys of each image.
    """

    value: float
    low: float
    high: float
    images: int
    keys: int

    def __str__(self) -> str:
        numbers = f"{percent(self.value)} {span((self.low, self.high))}"
        images, keys = counted(self.images, "image"), counted(self.keys, "key")
        return f"{numbers} ({images}, {keys})"


class Check(NamedTuple):
    """One row of the checklist.

    Attributes:
        status: "pass", "open", "warning", "not run" or "not shown".
        sentence: what was checked, and the outcome.
    """

    status: str
    sentence: str


class Report:
    """The report of an evaluation: a table in a terminal, a page in a notebook.

    Args:
        findings: everything that the evaluation measured.
        folder: where the report is already written, if anywhere.

    Attributes:
        findings, folder: as given.
    """

    def __init__(
        self, findings: Findings, folder: pathlib.Path | str | None = None
    ) -> None:
        self.findings = findings
        self.folder = None if folder is None else pathlib.Path(folder)

    @classmethod
    def read(cls, folder: pathlib.Path | str) -> "Report":
        """The report that was written into a folder.

        Raises:
            FileNotFoundError: the folder has no summary.json or no record.npz.
            ValueError: they are damaged, of another schema, or of two evaluations.
        """
        return cls(files.read(folder), folder)

    @functools.cached_property
    def summary(self) -> dict[str, Any]:
        """Every number of the report, as in summary.json; see `report.summary`."""
        return summarise(self.findings)

    @property
    def checks(self) -> list[Check]:
        """The checklist, in the order of the page; see `checklist.checks`."""
        rows = self.summary["checks"]
        return [Check(row["status"], f"{row['name']}. {row['text']}") for row in rows]

    def accuracy(
        self, name: str, *, model: str = "defended", radius: float | None = None
    ) -> Accuracy:
        """The accuracy under one attack.

        Args:
            name: the attack's own name, as "exact", or its printed title; or "clean",
                or "worst" for the worst case over all attacks, image by image.
            model: a model of the table. Without a purifier, "defended" is read as
                "undefended".
            radius: where the attack was made at several radii; also one of the sweep.

        Raises:
            ValueError: an unknown name, model or radius; a worst case over no attack,
                or over attacks that have other images or keys; or several radii.
        """
        rows = self._rows(model, swept=radius is not None)
        if name == "clean":
            return _accuracy(next(row for row in rows if row["kind"] == "clean"))
        chosen = _worst(rows) if name == "worst" else _named(name, rows)
        radii = {row["radius"]: row for row in chosen}
        for each, row in radii.items():
            if radius is not None and math.isclose(each, radius, rel_tol=1e-5):
                return _accuracy(row)
        known = ", ".join(f"{each:.6g}" for each in radii)
        if radius is not None:
            raise ValueError(f"{name!r} has no radius {radius:.6g}; it has {known}.")
        if len(radii) > 1:
            raise ValueError(f"{name!r} has the radii {known}; choose one by `radius`.")
        return _accuracy(chosen[0])

    def _rows(self, model: str, swept: bool) -> list[dict[str, Any]]:
        """The rows of one model, with those of the sweep if asked for."""
        summary = self.summary
        if model == "defended" and model not in summary["models"]:
            model = "undefended"
        if swept:
            summary = summary | {"attacks": summary["attacks"] + summary["sweep"]}
        rows = tables.rows(summary)
        models = list(dict.fromkeys(row["model"] for row in rows))
        if model_text(model) not in models:
            raise ValueError(nearest("model", model, models))
        return [row for row in rows if row["model"] == model_text(model)]

    def __str__(self) -> str:
        return tables.text(self.summary)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The page for a notebook; the text where the `report` extra is missing."""
        try:
            light, dark = (
                figures.pngs(self._drawn(theme, plots.PNG))
                for theme in (plots.LIGHT, plots.DARK)
            )
            page = pages.html(self.summary, light, dark)
        except ModuleNotFoundError:
            return f"<pre>{html.escape(str(self))}</pre>"
        # A frame keeps the style of the page and that of the notebook apart.
        source = page.replace("&", "&amp;").replace('"', "&quot;")
        style = "width: 100%; height: 48em; border: 0; resize: vertical"
        return f'<iframe srcdoc="{source}" style="{style}"></iframe>'

    def _drawn(
        self, theme: plots.Theme, formats: Sequence[str]
    ) -> dict[str, plots.Drawing]:
        return figures.drawn(self.summary, self.findings.pictures, theme, formats)

    def figures(
        self, formats: Sequence[str] = tuple(plots.FORMATS)
    ) -> dict[str, bytes]:
        """The figures as files, by name: "grid.png", "worst_of.pdf"...

        Args:
            formats: of "png", "pdf" and "svg".

        Raises:
            ModuleNotFoundError: matplotlib is missing.
            ValueError: an unknown format.
        """
        return figures.files(self._drawn(plots.LIGHT, formats))

    def save(self, folder: pathlib.Path | str) -> pathlib.Path:
        """Write all files of the report; see `report.files`. Returns the folder.

        A figure or page that fails, as without matplotlib, is a line on stderr.

        Raises:
            ValueError: `folder` is a file.
        """
        files.write(folder, self.findings, self.summary)
        return pathlib.Path(folder)

    def to_latex(self, caption: str | None = None, label: str | None = None) -> str:
        r"""The table in LaTeX, with the rules of the package booktabs.

        Args:
            caption: LaTeX, not escaped. With a caption or a label the `tabular` is
                inside a `table`.
            label: for `\ref`.
        """
        return latex.table(self.summary, caption, label)

    def to_csv(self) -> str:
        """The table as CSV; accuracies are fractions. See `tables.COLUMNS`."""
        return tables.comma_separated(self.summary)

    def to_markdown(self) -> str:
        """The table in Markdown."""
        return tables.markdown(self.summary)

    def to_frame(self) -> Any:
        """The table as a pandas `DataFrame`, with the columns of `to_csv`.

        Raises:
            ModuleNotFoundError: pandas is missing.
        """
        try:
            import pandas  # pyright: ignore[reportMissingImports]
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "`to_frame` needs pandas, which is not installed; install it with: "
                "pip install 'purifax[frames]'"
            ) from None
        return pandas.DataFrame(tables.rows(self.summary), columns=list(tables.COLUMNS))


def _accuracy(row: dict[str, Any]) -> Accuracy:
    names = ("low", "high", "images", "keys")
    return Accuracy(row["accuracy"], *(row[name] for name in names))


def _named(name: str, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of an attack; by its own name, and else by its title."""
    attacks = [row for row in rows if row["kind"] == "attack"]
    for field in ("key", "attack"):
        chosen = [row for row in attacks if row[field] == name]
        if chosen:
            return chosen
    names = dict.fromkeys(row["key"] or row["attack"] for row in attacks)
    raise ValueError(nearest("attack", name, [*names, "clean", "worst"]))


def _worst(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the worst case; of a single attack, its own."""
    worst = [row for row in rows if row["kind"] == "worst"]
    if worst:
        return worst
    attacks = [
        row for row in rows if row["kind"] == "attack" and row["gradient"] not in APART
    ]
    if not attacks:
        raise ValueError(
            "there is no worst case: no attack was run that could be made on a "
            'deployed defence. `accuracy("clean")` is without an attack.'
        )
    radii = [row["radius"] for row in attacks]
    if len(set(radii)) < len(radii):
        raise ValueError(
            "there is no worst case: the attacks have different images or keys."
        )
    return attacks
