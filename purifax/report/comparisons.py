"""Paired comparisons of attacks and models on the same images."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from purifax import record as records
from purifax.report.types import ONE_RUN, Result, radius_text
from purifax.report.words import MODELS

__all__ = [
    "DRAWS",
    "ORDER",
    "SEED",
    "STILL",
    "accuracy",
    "compare",
    "grouped",
    "moved",
    "paired",
    "strongest",
]

DRAWS, SEED = 2000, 0
"""Resamples of the paired bootstrap, and the seed of its key."""

FEWEST = 6
"""Images below which no paired test can reach 95% confidence: 2^(1 - 5) > 0.05. The
bootstrap knows nothing of that, since all its resamples of one image are alike."""

ORDER = ("blind", "transfer", "bpda", "exact", "fixed-key")
"""Gradients from the weakest to the strongest attack."""

APART = ("none", "fixed-key")
"""Gradients of no attack that could be made on a deployed defence."""

UNORDERED = ("own",)
"""Gradients of which it is not known whether the exact one should be stronger."""


STILL = 1e-6
"""Distance up to which an image counts as not moved."""

_correct = jax.jit(records.correct)


def accuracy(result: Result) -> float:
    """Mean accuracy under the attack, over images and keys."""
    return float(_right(result, "attacked")[1].mean())


def moved(result: Result) -> bool:
    """Whether the attack moved an image."""
    return bool(np.any(np.asarray(result.record.distance) > STILL))


def grouped(results: Sequence[Result]) -> dict[tuple[str, str, str], list[Result]]:
    """The attacks on one model within one threat set: by (model, threat, radius)."""
    groups: dict[tuple[str, str, str], list[Result]] = {}
    for result in results:
        if result.gradient != "none":
            name = (result.model, result.threat, radius_text(result.radius))
            groups.setdefault(name, []).append(result)
    return groups


def strongest(results: Sequence[Result]) -> Result:
    """The attack that leaves the least accuracy.

    Attacks that could not be made on a deployed defence count only where there is no
    other.
    """
    made = [result for result in results if result.gradient not in APART]
    return min(made or results, key=accuracy)


def compare(results: Sequence[Result]) -> list[dict]:
    """Paired comparisons, laid out as in `summary`. By kind:

    "order": two attacks on one model; the one that should be weaker comes first.
    "harm": clean images first, then attacked ones, for each attack.
    "clean", "gain": the defended model first, then the undefended one; on clean
        images, and each under the strongest attack on it of the same radius.

    "control": the defended model first, then a control, each under the strongest attack
        on it of the same radius.

    The model `ONE_RUN` is left out: it is the defended one with less averaging. A
    comparison without a common image is left out.
    """
    controls = [result for result in results if result.model not in MODELS]
    results = [r for r in results if r.model in MODELS and r.model != ONE_RUN]
    groups = grouped(results)
    comparisons = [
        _compared("order", (weaker, "attacked"), (stronger, "attacked"))
        for group in groups.values()
        for weaker, stronger in _pairs(group)
    ]
    for group in groups.values():
        comparisons += [_compared("harm", (r, "clean"), (r, "attacked")) for r in group]
    first = {result.model: result for result in reversed(results)}
    if {"defended", "undefended"} <= first.keys():
        both = [(first[model], "clean") for model in ("defended", "undefended")]
        comparisons.append(_compared("clean", *both))
    for (model, threat, radius), group in groups.items():
        other = groups.get(("undefended", threat, radius))
        if model == "defended" and other:
            pair = [(strongest(g), "attacked") for g in (group, other)]
            comparisons.append(_compared("gain", *pair))
    for (_, threat, radius), group in grouped(controls).items():
        defended = groups.get(("defended", threat, radius))
        if defended:
            pair = [(strongest(g), "attacked") for g in (defended, group)]
            comparisons.append(_compared("control", *pair))
    return [comparison for comparison in comparisons if comparison]


def _pairs(group: Sequence[Result]) -> list[tuple[Result, Result]]:
    """Neighbours in `ORDER`, and any other attack against the exact one."""
    best = {
        gradient: strongest([r for r in group if r.gradient == gradient])
        for gradient in dict.fromkeys(result.gradient for result in group)
    }
    chain = [best[gradient] for gradient in ORDER if gradient in best]
    pairs = list(zip(chain, chain[1:], strict=False))
    if "exact" in best:
        apart = (*ORDER, *UNORDERED)
        others = [best[gradient] for gradient in best if gradient not in apart]
        pairs += [(other, best["exact"]) for other in others]
    return pairs


@jax.jit
def _tested(
    a: jax.Array, b: jax.Array, first_a: jax.Array, first_b: jax.Array
) -> tuple[tuple[jax.Array, ...], ...]:
    """The paired difference of a and b, and McNemar's test on first keys; all [N]."""
    key, draws = jax.random.key(SEED), jnp.arange(DRAWS)
    difference = records.paired_difference(key, a, b, draws)
    return difference, records.mcnemar(first_a, first_b)


def _compared(kind: str, one: tuple[Result, str], two: tuple[Result, str]) -> dict:
    """One comparison with its names; empty if the two have no image in common."""
    tested = paired(one, two)
    named = {"kind": kind, "first": _named(*one), "second": _named(*two)}
    return named | tested if tested else {}


def paired(one: tuple[Result, str], two: tuple[Result, str]) -> dict:
    """How far one is above the other on their common images; empty without any.

    Args:
        one, two: a result, and which of its predictions: "clean" or "attacked".
    """
    (index_a, a), (index_b, b) = _right(*one), _right(*two)
    _, at, bt = np.intersect1d(index_a, index_b, return_indices=True)
    if not at.size:
        return {}
    a, b = a[at], b[bt]
    tested = jax.device_get(_tested(a.mean(1), b.mean(1), a[:, 0], b[:, 0]))
    (value, low, high), (only_a, only_b, p) = tested
    verdict = "positive" if low > 0 else "negative" if high < 0 else "open"
    return {
        "difference": {
            "value": float(value),
            "interval": [float(low), float(high)],
            "images": int(at.size),
            "keys": min(a.shape[1], b.shape[1]),
        },
        "mcnemar": {
            "only_first": int(only_a),
            "only_second": int(only_b),
            "p": float(p),
        },
        "verdict": verdict if at.size >= FEWEST else "open",
    }


def _right(result: Result, which: str) -> tuple[np.ndarray, np.ndarray]:
    record = result.record
    right = _correct(getattr(record, which), record.label)
    return np.asarray(record.index), np.asarray(right)


def _named(result: Result, which: str) -> str:
    return result.name if which == "attacked" else f"{result.model}/clean"
