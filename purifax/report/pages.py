"""report.md and report.html, from the content of summary.json and nothing else."""

from collections.abc import Mapping
from typing import Any

from purifax.report import html as page
from purifax.report import tables
from purifax.report.words import GLOSSARY

__all__ = ["FILES", "html", "markdown"]

FILES = {
    "grid": "grid.png",
    "film": "film.png",
    "strength": "accuracy_vs_strength.png",
    "runs": "accuracy_vs_runs.png",
    "iterations": "accuracy_vs_iterations.png",
    "restarts": "accuracy_vs_restarts.png",
    "worst_of": "worst_of.png",
}
"""Pictures by name, in the order in which they are shown."""

_HOW = (
    "Accuracy is the mean over images and evaluation keys, each key giving one "
    "prediction an image. Vote is the accuracy of the plurality over all keys, where "
    "ties count as wrong. Worst of M is the rate of images that are classified "
    "correctly under all M keys. The column sd is the standard deviation over keys of "
    "the accuracy under one key. Intervals are Wilson intervals with images as the "
    "unit, since the keys of one image are not independent. Differences are paired, by "
    'a bootstrap over images. The model "one sample" predicts from a single '
    "purification sample, and each of its keys is one such sample."
)

_ABOUT = {
    "grid": (
        "Images",
        "Each column shows one image under its true class. The predicted class is "
        "written beneath each image. Differences are shown around grey.",
    ),
    "film": (
        "How an image is purified",
        "Each row shows an attacked image, and the states of one purification sample "
        "of it. Noise is added first where the purifier adds noise.",
    ),
    "strength": (
        "Accuracy against attack strength",
        "Radius 0 is no attack. Bands are 95% intervals.",
    ),
    "runs": (
        "Accuracy against purification samples",
        "One prediction pools S purification samples, by mean logits, mean "
        "probabilities or vote. Bands are 95% intervals.",
    ),
    "iterations": (
        "Has the attack converged?",
        "Accuracy against the iterations of the attack, with one line for each number "
        "of EOT samples in its gradient. Where the lines still fall, or lie apart, a "
        "longer attack would leave less accuracy. Bands are 95% intervals.",
    ),
    "restarts": (
        "Accuracy against restarts of the attack",
        "The attack keeps the restart of the highest expected loss. Bands are 95% "
        "intervals.",
    ),
    "worst_of": (
        "Accuracy when each image is submitted several times",
        "Rate of images that are classified correctly in all of m submissions. The "
        "curve without an attack is the control: it shows what randomness alone "
        "costs. Bands are 95% intervals.",
    ),
}


def markdown(summary: dict, shown: Mapping[str, bytes]) -> str:
    """The text of report.md.

    Args:
        shown: the PNGs written beside it, by their names in `FILES`.
    """
    pictures = [_picture(name, summary) for name in FILES if name in shown]
    variables = _variables(summary) | {"table": tables.markdown(summary)}
    return page.render("report.md", False, pictures=pictures, **variables)


def html(summary: dict, light: Mapping[str, bytes], dark: Mapping[str, bytes]) -> str:
    """The text of report.html: one file, with the pictures in it.

    Args:
        light, dark: the same PNGs on either ground, by their names in `FILES`.
    """
    pictures = [
        _picture(name, summary) | page.inlined(light[name], dark[name])
        for name in FILES
        if name in light
    ]
    rows: dict[str, list[dict]] = {}
    for row in tables.rows(summary):
        place = page.track(row["accuracy"], (row["low"], row["high"]))
        rows.setdefault(row["model"], []).append(row | place)
    variables = _variables(summary) | {"tables": rows}
    return page.html("report.html", summary["title"], pictures=pictures, **variables)


def _variables(summary: dict) -> dict[str, Any]:
    return {"s": summary, "how": _HOW, "glossary": GLOSSARY}


def _picture(name: str, summary: dict) -> dict[str, str]:
    title, caption = _ABOUT[name]
    if name in ("grid", "film") and summary["shown"]:
        caption = f"{caption} The attack is {summary['shown']}."
    counts = {c["images"] for c in summary["curves"] if c["picture"] == name}
    if counts:
        caption = (
            f"{caption} Measured on {' or '.join(map(str, sorted(counts)))} images."
        )
    alt = f"{title}: {caption}"
    return {"title": title, "caption": caption, "alt": alt, "file": FILES[name]}
