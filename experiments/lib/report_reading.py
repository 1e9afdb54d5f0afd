"""What the numbers say, in sentences, and what is suspicious about them.

Both are made from the numbers alone. An attack that fails looks exactly like a defence
that works, so the checks come with every report; see `purifax.check`.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from experiments.lib.report_types import Curve, Evaluation, Result
from purifax import check
from purifax import record as records

__all__ = ["checks", "percent", "points", "sentences", "span"]

ENOUGH = 512
"""Images below which a report says how coarse its numbers are."""

HUGE = 0.5
"""Linf radius at which every image can be turned grey, so none can be recognised."""


def percent(value: float | None) -> str:
    """70.2%."""
    return "unknown" if value is None else f"{100 * value:.1f}%"


def points(value: float) -> str:
    """The size of a difference: 8.3 points."""
    return f"{100 * abs(value):.1f} points"


def span(interval: Sequence[float | None]) -> str:
    """[65.0, 75.1], in percent or points."""
    ends = ("?" if end is None else f"{100 * end:.1f}" for end in interval)
    return f"[{', '.join(ends)}]"


def checks(
    evaluation: Evaluation, curves: Sequence[Curve], compared: Sequence[dict]
) -> list[dict]:
    """The checklist: {name, status, text} each.

    Status "pass": shown, or not contradicted where only that can be asked; "open":
    the interval includes both answers; "warning": contradicted; "not run".
    """
    results = [
        result
        for result in (*evaluation.results, *evaluation.sweep)
        if result.gradient != "none"
    ]
    called = {result.name: result for result in results}
    return [
        *(_order(c, called) for c in compared if c["kind"] == "order"),
        _exact(results),
        _gradient(evaluation.gradient),
        _harm([c for c in compared if c["kind"] == "harm"]),
        _inside(results),
        _zero(results),
        *_falling(curves),
        _chance(results, evaluation.num_classes),
        _images(evaluation.results),
    ]


def _said(name: str, status: str, text: str) -> dict:
    return {"name": name, "status": status, "text": text}


def _order(comparison: dict, called: Mapping[str, Result]) -> dict:
    weaker, stronger = (called[comparison[k]].attack for k in ("first", "second"))
    low, high = comparison["difference"]["interval"]
    size, sure = points(comparison["difference"]["value"]), _paired(comparison)
    name = f"{stronger} leaves no more accuracy than {weaker}"
    where = called[comparison["first"]].model
    if not check.ordered(low, high):
        text = f"{where}: it leaves {size} more {sure}. "
        text += f"Suspect {stronger}: steps, step size, gradient samples, gradient."
        return _said(name, "warning", text)
    if comparison["verdict"] == "open":
        return _said(name, "open", f"{where}: they differ by {size} {sure}.")
    return _said(name, "pass", f"{where}: it leaves {size} less {sure}.")


def _exact(results: Sequence[Result]) -> dict:
    name = "An attack uses the exact gradient of the defended model"
    mine = [result for result in results if result.model == "defended"]
    if not mine:
        return _said(name, "not run", "No attack on a defended model.")
    if any(result.gradient == "exact" for result in mine):
        return _said(name, "pass", "Its accuracy is the one to quote.")
    text = "None does: the defended accuracy is an upper bound, likely far too high."
    return _said(name, "warning", text)


def _gradient(found: Mapping[str, float | bool]) -> dict:
    name = "The exact gradient is that of the program that answers"
    if not found:
        return _said(name, "not run", "No attack follows an exact gradient.")
    states, gap = int(found["states"]), found["state_gap"]
    same = "bit for bit" if gap == 0 else f"to {gap:.1g}"
    text = (
        f"On one image, {states} recomputed states equal the stored ones {same}; the "
        f"gradient equals the one without recomputation to {found['stored_gap']:.1g}; "
        "along random directions it misses the finite difference by "
        f"{percent(float(found['median']))} of its length in the median and by "
        f"{percent(float(found['worst']))} in the worst, where a kink may be near."
    )
    wrong = {
        "same_states": "the states",
        "same_when_stored": "recomputation",
        "slopes_agree": "the finite differences",
    }
    failed = [said for test, said in wrong.items() if not found[test]]
    if failed:
        return _said(name, "warning", f"{text} Contradicted by {', '.join(failed)}.")
    return _said(name, "pass", text)


def _harm(compared: Sequence[dict]) -> dict:
    name = "No attack raises accuracy"
    if not compared:
        return _said(name, "not run", "No attack.")
    raised = [
        f"{c['second']} by {points(c['difference']['value'])} {_paired(c)}"
        for c in compared
        if not check.ordered(*c["difference"]["interval"])
    ]
    if raised:
        return _said(name, "warning", f"Raised by {'; '.join(raised)}.")
    return _said(name, "pass", f"{len(compared)} attacks.")


def _inside(results: Sequence[Result]) -> dict:
    name = "Every perturbation is within its radius"
    outside = [
        f"{result.name}: {np.max(np.asarray(result.record.distance)):.4g}"
        for result in results
        if not check.inside(result.record.distance, result.radius)
    ]
    if outside:
        return _said(
            name, "warning", f"Outside, or not a number: {'; '.join(outside)}."
        )
    return _said(name, "pass", f"{len(results)} results.")


def _zero(results: Sequence[Result]) -> dict:
    name = "An image that is not moved keeps its answers"
    parts = [(result, result.record) for result in results]
    still = sum(int((np.asarray(r.distance) <= 1e-6).sum()) for _, r in parts)
    if not still:
        return _said(name, "not run", "Every attack moved every image; no radius 0.")
    changed = [
        result.name
        for result, r in parts
        if not check.unchanged_at_zero(r.clean, r.attacked, r.distance)
    ]
    if changed:
        text = f"Not so in {', '.join(changed)}: other keys or another model."
        return _said(name, "warning", text)
    return _said(name, "pass", f"{still} image evaluations.")


def _falling(curves: Sequence[Curve]) -> list[dict]:
    swept = [line for line in curves if line.picture == "strength"]
    name = "Accuracy falls as the radius grows"
    if not swept:
        return [_said(name, "not run", "One radius only.")]
    rising = [
        f"{line.model}/{line.name}"
        for line in swept
        if not check.falling(np.asarray(line.low), np.asarray(line.high))
    ]
    if rising:
        return [_said(name, "warning", f"It rises, or is not a number: {rising}.")]
    return [_said(name, "pass", f"{len(swept)} curves.")]


def _chance(results: Sequence[Result], classes: int) -> dict:
    name = f"A radius of {HUGE:g} leaves no more than chance"
    huge = [r for r in results if r.threat == "Linf" and r.radius >= HUGE]
    huge = [r for r in huge if r.gradient == "exact"]
    if not huge:
        return _said(name, "not run", "No exact attack of that radius.")
    left = []
    for result in huge:
        right = records.correct(result.record.attacked, result.record.label)
        shares = np.asarray(right).mean(1)
        if not check.near_chance(records.interval(shares)[0], classes):
            left.append(f"{result.name}: {percent(float(shares.mean()))}")
    if left:
        text = f"More than {percent(1 / classes)} is left: {'; '.join(left)}."
        return _said(name, "warning", f"{text} Suspect the gradient.")
    return _said(name, "pass", f"Chance is {percent(1 / classes)}.")


def _images(results: Sequence[Result]) -> dict:
    name = f"At least {ENOUGH} images"
    fewest = min(np.size(result.record.index) for result in results)
    low, high = records.wilson(fewest / 2, fewest)
    half = points(float(high - low) / 2)
    text = f"{fewest} images: an accuracy near 50.0% is known to within {half}."
    return _said(name, "pass" if fewest >= ENOUGH else "open", text)


def sentences(summary: dict) -> list[dict]:
    """The reading: {level, text} each, from the content of summary.json alone."""
    entries = {entry["name"]: entry for entry in summary["attacks"]}
    found = [
        _clean_sentence(summary, c)
        for c in summary["comparisons"]
        if c["kind"] == "clean"
    ]
    for comparison in summary["comparisons"]:
        if comparison["kind"] == "gain":
            pair = [entries[comparison[k]] for k in ("first", "second")]
            found.append(_gain_sentence(comparison, *pair))
            found += _repeat_sentences(pair[0])
    for comparison in summary["comparisons"]:
        if comparison["kind"] == "order" and comparison["verdict"] != "negative":
            pair = [entries[comparison[k]] for k in ("first", "second")]
            if pair[0]["model"] != "undefended":
                found.append(_order_sentence(comparison, *pair))
    warnings = [c for c in summary["checks"] if c["status"] == "warning"]
    said = [{"level": "finding", "text": text} for text in found]
    return said + [
        {"level": "warning", "text": f"Contradicted: {c['name']}. {c['text']}"}
        for c in warnings
    ]


def _paired(comparison: dict) -> str:
    difference = comparison["difference"]
    low, high = difference["interval"]
    ends = [low, high] if difference["value"] >= 0 else [-high, -low]
    return f"(paired 95% interval {span(ends)}, {difference['images']} images)"


def _effect(comparison: dict, gives: str, costs: str) -> str:
    value = comparison["difference"]["value"]
    size = f"{points(value)} {_paired(comparison)}"
    if comparison["verdict"] == "open":
        return f"no difference is shown: {size}"
    return f"purification {gives if value > 0 else costs} {size}"


def _accuracy(number: dict) -> str:
    return f"{percent(number['value'])} {span(number['interval'])}"


def _clean_sentence(summary: dict, comparison: dict) -> str:
    defended, undefended = (
        _accuracy(summary["models"][model]["clean"]["average"])
        for model in ("defended", "undefended")
    )
    return (
        f"Without an attack the defended model is right on {defended} and the "
        f"undefended one on {undefended}: {_effect(comparison, 'gives', 'costs')}."
    )


def _gain_sentence(comparison: dict, defended: dict, undefended: dict) -> str:
    return (
        f"At {defended['threat']} {defended['radius_text']}, the strongest attack on "
        f"each leaves the defended model {_accuracy(defended['attacked']['average'])} "
        f"({defended['attack']}) and the undefended one "
        f"{_accuracy(undefended['attacked']['average'])} ({undefended['attack']}): "
        f"{_effect(comparison, 'gives', 'costs')}."
    )


def _order_sentence(comparison: dict, weaker: dict, stronger: dict) -> str:
    size = points(comparison["difference"]["value"])
    if comparison["verdict"] == "open":
        return (
            f"{weaker['attack']} and {stronger['attack']} are not told apart: they "
            f"differ by {size} {_paired(comparison)}."
        )
    return (
        f"{weaker['attack']} overestimates the {weaker['model']} accuracy by {size} "
        f"relative to {stronger['attack']} {_paired(comparison)}, as expected."
    )


def _repeat_sentences(entry: dict) -> list[str]:
    if entry["keys"] < 2:
        return []
    attacked, clean = entry["attacked"]["every_key"], entry["clean"]["every_key"]
    return [
        f"Submitted {entry['keys']} times, an image is right every time in "
        f"{_accuracy(attacked)} of cases under {entry['attack']}, and in "
        f"{_accuracy(clean)} with no attack at all."
    ]
