"""The reading of a report: sentences made from the content of summary.json alone."""

from purifax.report.words import WORST_OF, paired, percent, points, span

__all__ = ["sentences"]


def sentences(summary: dict) -> list[dict]:
    """The reading: {level, text} each, from the content of summary.json alone."""
    entries = {entry["name"]: entry for entry in summary["attacks"]}
    findings = [
        _clean_sentence(summary, c)
        for c in summary["comparisons"]
        if c["kind"] == "clean"
    ]
    for comparison in summary["comparisons"]:
        if comparison["kind"] == "gain":
            pair = [entries[comparison[k]] for k in ("first", "second")]
            findings.append(_gain_sentence(comparison, *pair))
            findings += _repeat_sentences(pair[0])
    for comparison in summary["comparisons"]:
        if comparison["kind"] == "control":
            control = entries[comparison["second"]]
            findings.append(_control_sentence(comparison, control))
    for comparison in summary["comparisons"]:
        if comparison["kind"] == "order" and comparison["verdict"] != "negative":
            pair = [entries[comparison[k]] for k in ("first", "second")]
            if pair[0]["model"] != "undefended":
                findings.append(_order_sentence(comparison, *pair))
    warnings = [c for c in summary["checks"] if c["status"] == "warning"]
    return [{"level": "finding", "text": text} for text in findings] + [
        {"level": "warning", "text": f"Contradicted: {c['name']}. {c['text']}"}
        for c in warnings
    ]


def _effect(comparison: dict) -> str:
    value = comparison["difference"]["value"]
    size = f"{points(value)} {paired(comparison)}"
    if comparison["verdict"] == "open":
        return f"no difference is shown: {size}"
    return f"purification {'gives' if value > 0 else 'costs'} {size}"


def _accuracy(number: dict) -> str:
    return f"{percent(number['value'])} {span(number['interval'])}"


def _clean_sentence(summary: dict, comparison: dict) -> str:
    defended, undefended = (
        _accuracy(summary["models"][model]["clean"]["average"])
        for model in ("defended", "undefended")
    )
    return (
        f"Without an attack, the accuracy of the defended model is {defended} and that "
        f"of the undefended model is {undefended}: {_effect(comparison)}."
    )


def _gain_sentence(comparison: dict, defended: dict, undefended: dict) -> str:
    return (
        f"At {defended['threat']} {defended['radius_text']}, the strongest attack on "
        f"each model leaves the defended model "
        f"{_accuracy(defended['attacked']['average'])} ({defended['attack']}) and the "
        f"undefended model {_accuracy(undefended['attacked']['average'])} "
        f"({undefended['attack']}): {_effect(comparison)}."
    )


def _control_sentence(comparison: dict, control: dict) -> str:
    return (
        f"At {control['threat']} {control['radius_text']}, {control['model']} keeps "
        f"{_accuracy(control['attacked']['average'])} under its own attack "
        f"({control['attack']}; {_accuracy(control['clean']['average'])} without): "
        f"beyond that, {_effect(comparison)}."
    )


def _order_sentence(comparison: dict, weaker: dict, stronger: dict) -> str:
    size = points(comparison["difference"]["value"])
    if comparison["verdict"] == "open":
        return (
            f"{weaker['attack']} and {stronger['attack']} are not told apart: they "
            f"differ by {size} {paired(comparison)}."
        )
    return (
        f"{weaker['attack']} overestimates the {weaker['model']} accuracy by {size} "
        f"relative to {stronger['attack']} {paired(comparison)}, as expected."
    )


def _repeat_sentences(entry: dict) -> list[str]:
    if entry["keys"] < 2:
        return []
    attacked, clean = entry["attacked"]["every_key"], entry["clean"]["every_key"]
    return [
        f"Submitted {entry['keys']} times ({WORST_OF}), {_accuracy(attacked)} of "
        f"the images are classified correctly every time under {entry['attack']}, and "
        f"{_accuracy(clean)} with no attack at all."
    ]
