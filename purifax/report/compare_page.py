"""comparison.md and comparison.html, from the content of comparison.json alone."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from purifax.report import html as page
from purifax.report import overestimates
from purifax.report.compare_curves import CLEAN, WORST, attacks
from purifax.report.types import THREATS, radius_text
from purifax.report.words import chance, percent, span

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
        "A mark for each attack; bars are 95% intervals.",
    ),
    "worst_of": (
        "Accuracy when an image is submitted again and again",
        "Right under all of m evaluations, without an attack and under the worst case "
        "of the attacks made on each. Bands are 95% intervals.",
    ),
    "strength": (
        "Accuracy against attack strength",
        "Radius 0 is no attack. Bands are 95% intervals.",
    ),
}


def markdown(found: dict[str, Any], shown: Mapping[str, bytes]) -> str:
    """The text of comparison.md.

    Args:
        found: the content of comparison.json.
        shown: the PNGs written beside it, by their names in `FILES`.
    """
    names = list(found["models"])
    cells = {(row["evaluation"], row["attack"]): row for row in found["rows"]}
    columns = attacks(found["rows"])
    head = ["evaluation", *columns, "network calls an answer", "ms an answer"]
    lines = [_line(head), _line(["---"] * len(head))]
    for name in names:
        told = [_cell(cells.get((name, attack))) for attack in columns]
        lines.append(_line([name, *told, *_cost(cells[name, CLEAN])]))
    parts = [
        f"# {found['title']}",
        f"Accuracy in percent with 95% intervals over images; {found['threat']} "
        f"{found['radius']:.4g}. The time of an answer includes compilation. Made by "
        f"`{found['command']}`.",
        "\n".join(_said(one) for one in found["reading"]),
        "\n".join(lines),
        *(f"![{_ABOUT[name][0]}]({FILES[name]})" for name in FILES if name in shown),
        "## What they are",
        "\n".join(f"- **{name}**: {found['models'][name]}." for name in names),
        f"## Paired differences to {names[0]}, in points",
        "\n".join(map(_told, found["differences"])),
        "## Checks",
        "\n".join(_checked(name, mine) for name, mine in found["checks"].items()),
        *overestimates.lines(found["overestimates"]),
    ]
    return "\n\n".join(parts) + "\n"


def html(
    found: dict[str, Any], light: Mapping[str, bytes], dark: Mapping[str, bytes]
) -> str:
    """The text of comparison.html: one file, with the pictures in it.

    Args:
        found: the content of comparison.json.
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
        found["title"],
        found=found,
        threat=f"{THREATS[found['threat']]} {radius_text(found['radius'])}",
        tables=_tables(found["rows"]),
        differences=_differences(found["differences"]),
        first=next(iter(found["models"])),
        ranked=_ranked(found["overestimates"]),
        costs=[_spent(found, name) for name in found["models"]],
        pictures=pictures,
        counts={name: _counts(mine) for name, mine in found["checks"].items()},
        differing=_differing(found["settings"]),
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


def _differences(found: Sequence[dict]) -> dict[str, list[dict]]:
    """The paired differences by attack, on one scale with 0 in its middle."""
    ends = [abs(end) for one in found for end in one["difference"]["interval"]]
    scale = max([*ends, 0.01])

    def placed(one: dict) -> dict:
        value, (low, high) = one["difference"]["value"], one["difference"]["interval"]
        half = [0.5 + 0.5 * each / scale for each in (value, low, high)]
        return one | page.track(half[0], (half[1], half[2]))

    return {
        attack: [placed(one) for one in found if one["attack"] == attack]
        for attack in attacks(found)
    }


def _ranked(rows: Sequence[dict]) -> dict[str, list[dict]]:
    """The attacks made on one and the same model, by what it is."""
    models = dict.fromkeys(row["model"] for row in rows)
    return {model: [r for r in rows if r["model"] == model] for model in models}


def _spent(found: dict[str, Any], name: str) -> dict[str, Any]:
    """The cost of one evaluation: of an answer, of attacking an image, of all."""
    mine = [row for row in found["rows"] if row["evaluation"] == name]
    made = [row for row in mine if row["attack"] not in (CLEAN, WORST)]
    clean = next(row for row in mine if row["attack"] == CLEAN)
    seconds = clean["seconds_an_image"]
    return {
        "evaluation": name,
        "calls": clean["network_evaluations_an_image"],
        "milliseconds": None if seconds is None else 1e3 * seconds / clean["keys"],
        "attack_calls": _sum(row["network_evaluations_an_image"] for row in made),
        "attack_seconds": _sum(row["seconds_an_image"] for row in made),
        "seconds": found["seconds"][name],
    }


def _sum(values: Iterable[float | None]) -> float | None:
    """The sum; None if one of them is not known."""
    known = list(values)
    return None if None in known else sum(each for each in known if each is not None)


def _differing(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The settings of each evaluation that are not the same in all."""
    names = dict.fromkeys(name for mine in settings.values() for name in mine)
    apart = [n for n in names if len({str(s.get(n)) for s in settings.values()}) > 1]
    return {
        name: {each: mine[each] for each in apart if each in mine}
        for name, mine in settings.items()
    }


def _counts(checks: Sequence[dict]) -> str:
    """How many checks have which answer: 5 pass, 1 warning."""
    found = Counter(check["status"] for check in checks)
    order = ("warning", "open", "pass", "not run")
    return ", ".join(f"{found[status]} {status}" for status in order if found[status])


def _checked(name: str, checks: Sequence[dict]) -> str:
    wrong = [c["name"] for c in checks if c["status"] in ("warning", "open")]
    told = f" ({'; '.join(wrong)})" if wrong else ""
    return f"- {name}: {_counts(checks)}{told}."


def _said(one: dict) -> str:
    mark = "**Warning.** " if one["level"] == "warning" else ""
    return f"- {mark}{one['text']}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(row: dict | None) -> str:
    if row is None:
        return "–"
    return f"{percent(row['accuracy'])} {span([row['low'], row['high']])}"


def _cost(row: dict) -> list[str]:
    """Of one answer to one image; the seconds are those under all keys."""
    calls, seconds = row["network_evaluations_an_image"], row["seconds_an_image"]
    return [
        "–" if calls is None else f"{calls:,.0f}",
        "–" if seconds is None else f"{1e3 * seconds / row['keys']:,.1f}",
    ]


def _told(one: dict) -> str:
    low, high = (100 * end for end in one["difference"]["interval"])
    test = one["mcnemar"]
    return (
        f"- {one['first']}, {one['attack']}: {100 * one['difference']['value']:+.1f} "
        f"[{low:+.1f}, {high:+.1f}] on {one['difference']['images']} images; McNemar "
        f"{test['only_first']} against {test['only_second']}, p {chance(test['p'])}."
    )
