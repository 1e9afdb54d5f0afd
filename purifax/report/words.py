"""How a report writes numbers, models and the status of a check."""

from collections.abc import Sequence

from purifax.report.types import ONE_RUN, Result, radius_text

__all__ = [
    "CLEAN",
    "GLOSSARY",
    "MODELS",
    "NOISE_ALONE",
    "ONE_SAMPLE",
    "STATUSES",
    "WORST_OF",
    "chance",
    "check_row",
    "counted",
    "described",
    "model_phrase",
    "model_text",
    "paired",
    "percent",
    "points",
    "span",
]

CLEAN = "no attack"
MODELS = ("undefended", "defended", ONE_RUN)
NOISE_ALONE = "noise alone"
"""The control of a purifier's noise; a model that is not in `MODELS` is a control."""

ONE_SAMPLE = "one sample"
"""How the model `ONE_RUN` is printed."""

WORST_OF = "worst of M"
"""The column of the rate of images that are classified correctly under all M keys."""

STATUSES = {
    "warning": "!",
    "open": "?",
    "not shown": "∅",
    "pass": "✓",
    "not run": "–",
}
"""The statuses of a check, the most serious first, each with its mark."""

GLOSSARY = {
    "BPDA": (
        "backward pass differentiable approximation (Athalye, Carlini and Wagner): the "
        "attack runs the purifier forwards and, in the backward pass, replaces it by "
        "the identity. Its gradient is not that of the defended model."
    ),
    "EOT": (
        "expectation over transformation (Athalye et al.): the attack averages its "
        "loss or gradient over several EOT samples, each with its own random key of "
        "the purifier."
    ),
    WORST_OF: (
        "the rate of images that are classified correctly under all M evaluation keys: "
        "the accuracy that remains if an attacker may submit each image M times."
    ),
    "control": (
        "a simpler defence before the same classifier, under its own attacks: the "
        "purifier's noise without its network, or JPEG or a blur of the same clean "
        "accuracy. What the purifier keeps beyond a control is what it is worth."
    ),
    "compression": (
        "how far apart a purifier leaves two images that are the radius apart in a "
        "random direction, as a share of that distance, under one key: the geometric "
        "mean over images. Below 1 it contracts. No attack is needed."
    ),
    "frozen step sizes": (
        "the step sizes of an adaptive purifier, treated as constants in the backward "
        "pass (stop-gradient). An attack with frozen step sizes does not follow the "
        "exact gradient."
    ),
}
"""Terms of the report, explained at the end of its page."""


def percent(value: float | None) -> str:
    """70.2%."""
    return "unknown" if value is None else f"{100 * value:.1f}%"


def chance(p: float) -> str:
    """A probability, as "= 0.031" or "< 1e-30"."""
    return f"= {p:.2g}" if p > 1e-30 else "< 1e-30"


def counted(number: int, noun: str) -> str:
    """1 key, 2 keys."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def points(value: float) -> str:
    """The size of a difference: 8.3 points."""
    return f"{100 * abs(value):.1f} points"


def span(interval: Sequence[float | None]) -> str:
    """[65.0, 75.1], in percent or points."""
    # Adding 0 turns -0.0 into 0.0.
    ends = ("?" if e is None else f"{round(100 * e, 1) + 0:.1f}" for e in interval)
    return f"[{', '.join(ends)}]"


def paired(comparison: dict) -> str:
    """(paired 95% interval [2.0, 8.1], 300 images), of a comparison."""
    difference = comparison["difference"]
    low, high = difference["interval"]
    ends = [low, high] if difference["value"] >= 0 else [-high, -low]
    return (
        f"(paired 95% interval {span(ends)}, {counted(difference['images'], 'image')})"
    )


def model_text(name: str) -> str:
    """A model as it is printed."""
    return ONE_SAMPLE if name == ONE_RUN else name


def model_phrase(name: str) -> str:
    """A model in a sentence: "the defended model"."""
    return "one purification sample" if name == ONE_RUN else f"the {name} model"


def described(result: Result) -> str:
    """An attack in a sentence: "BPDA+EOT on the defended model (Linf 8/255)"."""
    where = f"{result.threat} {radius_text(result.radius)}"
    return f"{result.attack} on {model_phrase(result.model)} ({where})"


def check_row(name: str, status: str, text: str) -> dict:
    """One row of the checklist; `checklist.checks` explains the statuses."""
    return {"name": name, "status": status, "text": text}
