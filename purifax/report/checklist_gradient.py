"""Checks of the attacker's gradient: the figures of `probe` and `gradient_proof`."""

from collections.abc import Mapping, Sequence

import numpy as np

from purifax import record as records
from purifax.report.types import Result
from purifax.report.words import percent, said, span

__all__ = ["checks", "proven"]

AGREE, DISAGREE = 0.5, 0.1
"""Cosine of two gradients above which draws suffice, and below which they do not.

With cosine c between two estimates, each has about cosine sqrt(c) with their mean. A
step of length d along one of them raises a smooth loss by c d |g|, and not d |g|: the
same limits hold for the share of a promised rise that is kept.
"""

CLIMBS = 0.75
"""Share of images on which a gradient beats a random direction; a coin gives a half."""

RANDOM = 1e-6
"""Change of a logit between keys below which a defence counts as deterministic."""


def checks(
    probe: Mapping[str, Sequence[float]], results: Sequence[Result]
) -> list[dict]:
    """The lines of the checklist; one that says so if there was no probe."""
    if not probe:
        text = "No image was probed: --config.probed."
        return [said("The gradient is not masked", "not run", text)]
    values = {name: np.asarray(each, float) for name, each in probe.items()}
    return [
        _alive(values["zero"], values["finite"]),
        _agrees(values["cosine"]),
        _climbs(values["gain"], values["gain_random"]),
        *_keeps(values["gain"], values.get("promised")),
        _logits(values["probabilities"]),
        _random(values["spread"], results),
        _optimises(results),
    ]


def proven(found: Mapping[str, float | bool]) -> dict:
    """The line about `gradient_proof`; says so if there was none."""
    name = "The exact gradient is that of the program that answers"
    if not found:
        return said(name, "not run", "No attack follows an exact gradient.")
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
        return said(name, "warning", f"{text} Contradicted by {', '.join(failed)}.")
    return said(name, "pass", text)


def _alive(zero: np.ndarray, finite: np.ndarray) -> dict:
    name = "Gradients are finite and not zero"
    dead = int(((zero == 1.0) & (finite == 1.0)).sum())
    broken = int((finite == 0.0).sum())
    text = (
        f"{len(zero)} images: {broken} not finite, {dead} zero everywhere; "
        f"{percent(float(np.mean(zero)))} of pixels are zero on average."
    )
    return said(name, "warning" if dead or broken else "pass", text)


def _agrees(cosine: np.ndarray) -> dict:
    name = "Two batches of draws give the same gradient"
    middle = float(np.median(cosine))
    text = f"Median cosine {middle:.2f} over {len(cosine)} images."
    if middle >= AGREE:
        return said(name, "pass", text)
    text += " More draws (eot) would make the attack stronger."
    return said(name, "open" if middle >= DISAGREE else "warning", text)


def _climbs(gain: np.ndarray, random: np.ndarray) -> dict:
    name = "The gradient climbs better than a random direction"
    better = int(((gain > random) & (gain > 0)).sum())
    low, high = (float(end) for end in records.wilson(better, len(gain)))
    share = percent(better / len(gain))
    text = f"On {share} {span([low, high])} of {len(gain)} images."
    status = "pass" if low > 0.5 else "warning" if high < CLIMBS else "open"
    return said(name, status, text)


def _keeps(gain: np.ndarray, promised: np.ndarray | None) -> list[dict]:
    """A gradient can be right at a point and say nothing of the next: shattered."""
    if promised is None:  # A probe of before this was looked at.
        return []
    name = "The loss rises as its gradient promises"
    share = np.divide(gain, promised, out=np.zeros_like(gain), where=promised > 0)
    middle = float(np.median(share))
    text = (
        f"A tenth of the radius keeps {percent(middle)} of it in the median over "
        f"{len(gain)} images."
    )
    if middle >= AGREE:
        return [said(name, "pass", text)]
    text += " Suspect a gradient of ripples or of too few draws; try square, bpda."
    return [said(name, "open" if middle >= DISAGREE else "warning", text)]


def _logits(probabilities: np.ndarray) -> dict:
    name = "The classifier answers logits, not probabilities"
    if probabilities.all():
        text = "Its outputs are nonnegative with sum one: attack the logits instead."
        return said(name, "warning", text)
    return said(name, "pass", "Its outputs do not sum to one.")


def _random(spread: np.ndarray, results: Sequence[Result]) -> dict:
    name = "Randomness is averaged in the attack and in the answer"
    largest = float(spread.max())
    if largest <= RANDOM:
        return said(name, "pass", "The defence is deterministic.")
    text = f"A logit of one run moves by up to {largest:.3g} between keys. "
    exact = [r for r in results if r.gradient == "exact" and r.model == "defended"]
    draws = [int(r.budget.get("eot", 1)) for r in exact]
    if not draws:
        return said(name, "not run", f"{text}No exact attack on the defended model.")
    keys = min(np.shape(r.record.attacked)[1] for r in exact)
    text += f"Exact attacks average up to {max(draws)} draws; answers use {keys} keys."
    return said(name, "pass" if max(draws) > 1 and keys > 1 else "warning", text)


def _optimises(results: Sequence[Result]) -> dict:
    name = "Nothing is computed at test time that the attack does not see"
    mine = [r for r in results if r.model == "defended" and r.gradient != "none"]
    if any(r.gradient == "exact" for r in mine):
        return said(name, "pass", "The exact gradient goes through all of it.")
    text = "The purifier iterates at test time and no attack differentiates all of it."
    return said(name, "warning" if mine else "not run", text)
