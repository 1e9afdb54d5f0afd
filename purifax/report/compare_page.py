"""comparison.md and comparison.html, from the content of comparison.json alone."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from purifax.report import escape, overestimates
from purifax.report import html as page
from purifax.report.compare_curves import WORST, attacks
from purifax.report.types import THREATS, radius_text
from purifax.report.words import CLEAN, GLOSSARY, STATUSES, chance, percent, span

__all__ = ["FILES", "html", "markdown"]

FILES = {
    "accuracies": "comparison.png",
    "worst_of": "comparison_worst_of.png",
    "strength": "comparison_strength.png",
}
"""Pictures by name, in the order in which they are shown."""

_ABOUT = {
    "accuracies": (
        "Accuracy under each attack",
        "One mark for each attack. Bars are 95% intervals.",
    ),
    "worst_of": (
        "Accuracy when each image is submitted several times",
        "Rate of images that are classified correctly in all of m submissions, without "
        "an attack and under the worst case of the attacks on each evaluation. Bands "
        "are 95% intervals.",
    ),
    "strength": (
        "Accuracy against attack strength",
        "Radius 0 is no attack. Bands are 95% intervals.",
    ),
}


def markdown(comparison: dict[str, Any], shown: Mapping[str, bytes]) -> str:
    """The text of comparison.md.

    Args:
        comparison: the content of comparison.json.
        shown: the PNGs written beside it, by their names in `FILES`.
    """
    models, checks = comparison["models"], comparison["checks"]
    cells = {(row["evaluation"], row["attack"]): row for row in comparison["rows"]}
    columns = attacks(comparison["rows"])
    head = ["evaluation", *columns, "network calls a prediction", "ms a prediction"]
    lines = [_line(head), _line(["---"] * len(head))]
    for name in models:
        accuracies = [_cell(cells.get((name, attack))) for attack in columns]
        lines.append(_line([name, *accuracies, *_cost(cells[name, CLEAN])]))
    parts = [
        f"# {escape.markdown(comparison['title'])}",
        "Accuracy in percent with 95% intervals over images; "
        f"{comparison['threat']} {comparison['radius']:.4g}. The time of a prediction "
        f"includes compilation. Made by {escape.code(comparison['command'])}.",
        "\n".join(_sentence(one) for one in comparison["reading"]),
        "\n".join(lines),
        *(f"![{_ABOUT[name][0]}]({FILES[name]})" for name in FILES if name in shown),
        "## The evaluations",
        "\n".join(
            f"- **{escape.markdown(name)}**: {escape.markdown(model)}."
            for name, model in models.items()
        ),
        f"## Paired differences to {escape.markdown(next(iter(models)))}, in points",
        "\n".join(map(_difference, comparison["differences"])),
        "## Checks",
        "\n".join(_checked(name, rows) for name, rows in checks.items()),
        *overestimates.lines(comparison["overestimates"]),
    ]
    return "\n\n".join(parts) + "\n"


def html(
    comparison: dict[str, Any], light: Mapping[str, bytes], dark: Mapping[str, bytes]
) -> str:
    """The text of comparison.html: one file, with the pictures in it.

    Args:
        comparison: the content of comparison.json.
        light, dark: the same PNGs on either ground, by their names in `FILES`.
    """
    pictures = [
        {"title": title, "caption": caption, "alt": f"{title}: {caption}"}
        | page.inlined(light[name], dark[name])
        for name, (title, caption) in _ABOUT.items()
        if name in light
    ]
    return page.html(
        "comparison.html",
        comparison["title"],
        s=comparison,
        threat=f"{THREATS[comparison['threat']]} {radius_text(comparison['radius'])}",
        tables=_tables(comparison["rows"]),
        differences=_differences(comparison["differences"]),
        first=next(iter(comparison["models"])),
        ranked=_ranked(comparison["overestimates"]),
        costs=[_spent(comparison, name) for name in comparison["models"]],
        pictures=pictures,
        counts={name: _counts(rows) for name, rows in comparison["checks"].items()},
        differing=_differing(comparison["settings"]),
        glossary=GLOSSARY,
    )


def _tables(rows: Sequence[dict[str, Any]]) -> dict[str, list[dict]]:
    """The rows by attack, each with its place on a scale."""
    return {
        attack: [
            row | page.track(row["accuracy"], (row["low"], row["high"]))
            for row in rows
            if row["attack"] == attack
        ]
        for attack in attacks(rows)
    }


def _differences(differences: Sequence[dict]) -> dict[str, list[dict]]:
    """The paired differences by attack, on one scale with 0 in its middle."""
    ends = [abs(end) for one in differences for end in one["difference"]["interval"]]
    scale = max([*ends, 0.01])

    def placed(one: dict) -> dict:
        value, (low, high) = one["difference"]["value"], one["difference"]["interval"]
        half = [0.5 + 0.5 * each / scale for each in (value, low, high)]
        return one | page.track(half[0], (half[1], half[2]))

    return {
        attack: [placed(one) for one in differences if one["attack"] == attack]
        for attack in attacks(differences)
    }


def _ranked(rows: Sequence[dict]) -> dict[str, list[dict]]:
    """The attacks on the same model, by its description."""
    models = dict.fromkeys(row["model"] for row in rows)
    return {model: [r for r in rows if r["model"] == model] for model in models}


def _spent(comparison: dict[str, Any], name: str) -> dict[str, Any]:
    """The cost of one evaluation: of a prediction, of attacking an image, of all."""
    rows = [row for row in comparison["rows"] if row["evaluation"] == name]
    attacked = [row for row in rows if row["attack"] not in (CLEAN, WORST)]
    clean = next(row for row in rows if row["attack"] == CLEAN)
    seconds = clean["seconds_an_image"]
    return {
        "evaluation": name,
        "calls": clean["network_evaluations_an_image"],
        "milliseconds": None if seconds is None else 1e3 * seconds / clean["keys"],
        "attack_calls": _sum(row["network_evaluations_an_image"] for row in attacked),
        "attack_seconds": _sum(row["seconds_an_image"] for row in attacked),
        "seconds": comparison["seconds"][name],
    }


def _sum(values: Iterable[float | None]) -> float | None:
    """The sum; None if one of them is not known."""
    known = list(values)
    return None if None in known else sum(each for each in known if each is not None)


def _differing(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The settings of each evaluation that are not the same in all."""
    names = dict.fromkeys(name for values in settings.values() for name in values)
    apart = [n for n in names if len({str(s.get(n)) for s in settings.values()}) > 1]
    return {
        name: {each: values[each] for each in apart if each in values}
        for name, values in settings.items()
    }


def _counts(checks: Sequence[dict]) -> str:
    """The number of checks of each status: 1 warning, 5 pass."""
    counts = Counter(check["status"] for check in checks)
    return ", ".join(f"{counts[each]} {each}" for each in STATUSES if counts[each])


def _checked(name: str, checks: Sequence[dict]) -> str:
    doubtful = ("warning", "open", "not shown")
    names = [check["name"] for check in checks if check["status"] in doubtful]
    named = f" ({'; '.join(names)})" if names else ""
    return f"- {escape.markdown(name)}: {_counts(checks)}{escape.markdown(named)}."


def _sentence(one: dict) -> str:
    mark = "**Warning.** " if one["level"] == "warning" else ""
    return f"- {mark}{escape.markdown(one['text'])}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(escape.markdown, cells))} |"


def _cell(row: dict | None) -> str:
    if row is None:
        return "–"
    return f"{percent(row['accuracy'])} {span([row['low'], row['high']])}"


def _cost(row: dict) -> list[str]:
    """Of one prediction for one image; the row has the seconds of all keys."""
    calls, seconds = row["network_evaluations_an_image"], row["seconds_an_image"]
    return [
        "–" if calls is None else f"{calls:,.0f}",
        "–" if seconds is None else f"{1e3 * seconds / row['keys']:,.1f}",
    ]


def _difference(one: dict) -> str:
    low, high = (100 * end for end in one["difference"]["interval"])
    test = one["mcnemar"]
    named = f"{one['first']}, {one['attack']}"
    return (
        f"- {escape.markdown(named)}: {100 * one['difference']['value']:+.1f} "
        f"[{low:+.1f}, {high:+.1f}] on {one['difference']['images']} images; McNemar "
        f"{test['only_first']} against {test['only_second']}, p {chance(test['p'])}."
    )
