"""report.md and report.html, from the content of summary.json and nothing else."""

from collections.abc import Mapping

from purifax.report import html as page

__all__ = ["FILES", "html", "markdown"]

FILES = {
    "grid": "grid.png",
    "film": "film.png",
    "strength": "accuracy_vs_strength.png",
    "runs": "accuracy_vs_runs.png",
    "steps": "accuracy_vs_steps.png",
    "iterations": "accuracy_vs_iterations.png",
    "restarts": "accuracy_vs_restarts.png",
    "worst_of": "worst_of.png",
}
"""Pictures by name, in the order in which they are shown."""

_HOW = (
    "Accuracy is that of one answer: the mean over images and evaluation keys. Vote is "
    "the plurality over all keys, ties counted as wrong. Right every time is the rate "
    "of images right under every key; sd is the standard deviation of the accuracy "
    "from key to key. Intervals are Wilson's with images as the unit, since the keys "
    "of one image are not independent; differences are paired, by a bootstrap over "
    "images. "
    'The model "one run" answers with a single purification; its keys are all runs.'
)

_ABOUT = {
    "grid": (
        "Images",
        "Each column is an image under its true class; beneath it, what the classifier "
        "answers. Differences are shown around grey.",
    ),
    "film": (
        "How an image is purified",
        "An attacked image in each row, and the same image on its way through one run "
        "of the purifier, noised first where the purifier adds noise.",
    ),
    "strength": (
        "Accuracy against attack strength",
        "Radius 0 is no attack. Bands are 95% intervals.",
    ),
    "runs": (
        "Accuracy against runs",
        "One answer made of S purifications, by mean logits, mean probabilities or "
        "vote. Bands are 95% intervals.",
    ),
    "steps": (
        "Accuracy against purification steps",
        "Bands are 95% intervals.",
    ),
    "iterations": (
        "Has the attack converged?",
        "Accuracy against the iterations of the attack, a line for each number of "
        "draws averaged in its gradient. Where the lines still fall, or lie apart, a "
        "longer attack would leave less. Bands are 95% intervals.",
    ),
    "restarts": (
        "Accuracy against restarts of the attack",
        "The start of highest expected loss is kept. Bands are 95% intervals.",
    ),
    "worst_of": (
        "Accuracy when an image is submitted again and again",
        "Right under all of m evaluations. The curve without an attack is the control: "
        "what randomness alone loses. Bands are 95% intervals.",
    ),
}


def markdown(summary: dict, shown: Mapping[str, bytes]) -> str:
    """The text of report.md.

    Args:
        shown: the PNGs written beside it, by their names in `FILES`.
    """
    pictures = [_picture(name, summary) for name in FILES if name in shown]
    given = {"s": summary, "tables": _tables(summary), "how": _HOW}
    return page.render("report.md", False, pictures=pictures, **given)


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
    given = {"s": summary, "tables": _tables(summary), "how": _HOW}
    return page.html("report.html", summary["title"], pictures=pictures, **given)


def _tables(summary: dict) -> dict[str, list[dict]]:
    """The rows of the accuracy table, by model."""
    tables = {}
    for name, model in summary["models"].items():
        rows = [_row("clean", "no attack", {}, model["clean"], None)]
        for one in summary["attacks"]:
            if one["model"] == name and one["gradient"] != "none":
                seconds = one["cost"]["seconds"]
                rows.append(
                    _row("attack", one["attack"], one, one["attacked"], seconds)
                )
        for worst in model["worst_case"]:
            called = f"worst of these {len(worst['attacks'])}"
            rows.append(_row("worst", called, worst, worst["attacked"], None))
        tables[name] = rows
    return tables


def _row(
    kind: str, attack: str, where: dict, outcome: dict, seconds: float | None
) -> dict:
    average = outcome["average"]
    return {
        "kind": kind,
        "attack": attack,
        "threat": where.get("threat", ""),
        "radius": where.get("radius_text", ""),
        "average": average,
        "vote": outcome["vote"],
        "every_key": outcome["every_key"],
        "deviation": outcome["deviation"],
        "seconds": seconds,
    } | page.track(average["value"], average["interval"])


def _picture(name: str, summary: dict) -> dict:
    title, caption = _ABOUT[name]
    if name in ("grid", "film") and summary["shown"]:
        caption = f"{caption} Attacked by {summary['shown']}."
    counts = {c["images"] for c in summary["curves"] if c["picture"] == name}
    if counts:
        caption = (
            f"{caption} Measured on {' or '.join(map(str, sorted(counts)))} images."
        )
    alt = f"{title}: {caption}"
    return {"title": title, "caption": caption, "alt": alt, "file": FILES[name]}
