"""Checks of the attacker's gradient: its statistics, and its proof on one image.

The statistics are the "probe" of summary.json, one value an image:

    zero           rate of pixels at which the gradient is exactly zero
    finite         1 if all of the gradient is finite
    cosine         between the gradients of two independent batches of EOT samples
    gain           rise of the loss for a tenth of the radius along the gradient
    gain_random    the same along a random direction
    promised       the rise that the gradient itself predicts
    spread         largest change of a logit between two keys
    probabilities  1 if the classifier's outputs are nonnegative with sum one

The figures of the proof are those of `same_states`, `same_when_stored`, `slopes_agree`.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from purifax import record as records
from purifax.report.types import Result
from purifax.report.words import check_row, percent, span

__all__ = ["checks", "proven"]

AGREE, DISAGREE = 0.5, 0.1
"""Cosine of two gradients above which the EOT samples suffice, and below which they do
not.

With cosine c between two estimates, each has about cosine sqrt(c) with their mean. A
step of length d along one of them raises a smooth loss by c d |g|, and not d |g|: the
same limits hold for the fraction of a promised rise that is kept.
"""

CLIMBS = 0.75
"""Rate of images on which a gradient beats a random direction; a coin gives a half."""

RANDOM = 1e-6
"""Change of a logit between keys below which a defence counts as deterministic."""


def checks(
    probe: Mapping[str, Sequence[float]], attacks: Sequence[Result]
) -> list[dict]:
    """The rows of the checklist; one that says so if no image was probed."""
    if not probe or not all(probe.values()):
        text = "No image was probed: --config.probed."
        return [check_row("The gradient is not masked", "not run", text)]
    values = {name: np.asarray(each, float) for name, each in probe.items()}
    return [
        _alive(values["zero"], values["finite"]),
        _agrees(values["cosine"]),
        _climbs(values["gain"], values["gain_random"]),
        *_keeps(values["gain"], values.get("promised")),
        _logits(values["probabilities"]),
        _random(values["spread"], attacks),
        _optimises(attacks),
    ]


def proven(figures: Mapping[str, float | bool]) -> dict:
    """The row of the proof of the exact gradient."""
    name = "The exact gradient is that of the program that is evaluated"
    if not figures:
        return check_row(name, "not run", "No attack follows an exact gradient.")
    parts = {
        "same_states": "the states",
        "same_when_stored": "recomputation",
        "slopes_agree": "the finite differences",
    }
    failed = [words for test, words in parts.items() if not figures[test]]
    text, missing = _compared(figures), _missing(figures)
    undecided = failed == [parts["slopes_agree"]] and not _finite(figures)
    if failed and not undecided:
        text += f" Contradicted by {', '.join(failed)}."
        return check_row(name, "warning", text)
    if missing:
        text += f" This is no proof, because {' and '.join(missing)}."
        return check_row(name, "not shown", text)
    return check_row(name, "pass", text)


def _finite(figures: Mapping[str, float | bool]) -> bool:
    return all(math.isfinite(figures[name]) for name in ("width", "median", "worst"))


def _missing(figures: Mapping[str, float | bool]) -> list[str]:
    """Why the comparisons would hold of any gradient; empty if they would not."""
    missing = []
    if figures["states"] == 0:
        missing.append("no state was recomputed")
    if not _finite(figures):
        missing.append("the finite differences are not finite")
    if figures["length"] == 0:
        missing.append("the gradient is zero everywhere")
    return missing


def _compared(figures: Mapping[str, float | bool]) -> str:
    """What was compared on the one image, with the figures."""
    count, gap = int(figures["states"]), figures["state_gap"]
    same = "bit for bit" if gap == 0 else f"to {gap:.1g}"
    states = f"{count} recomputed states equal the stored ones {same}; "
    slopes = (
        "along random directions it misses the finite difference by "
        f"{percent(float(figures['median']))} of its length in the median and by "
        f"{percent(float(figures['worst']))} in the worst, where a kink may be near."
    )
    return (
        f"On one image, {states if count else ''}the gradient equals the one without "
        f"recomputation to {figures['stored_gap']:.1g}"
        + (f"; {slopes}" if _finite(figures) else ".")
    )


def _alive(zero: np.ndarray, finite: np.ndarray) -> dict:
    name = "Gradients are finite and not zero"
    dead = int(((zero == 1.0) & (finite == 1.0)).sum())
    broken = int((finite != 1.0).sum())
    text = (
        f"{len(zero)} images: {broken} not finite, {dead} zero everywhere; "
        f"{percent(float(np.mean(zero)))} of pixels are zero on average."
    )
    return check_row(name, "warning" if dead or broken else "pass", text)


def _agrees(cosine: np.ndarray) -> dict:
    name = "Two batches of EOT samples give the same gradient"
    middle = float(np.median(cosine))
    text = f"Median cosine {middle:.2f} over {len(cosine)} images."
    if middle >= AGREE:
        return check_row(name, "pass", text)
    text += " More EOT samples would make the attack stronger."
    return check_row(name, "open" if middle >= DISAGREE else "warning", text)


def _climbs(gain: np.ndarray, random: np.ndarray) -> dict:
    name = "The gradient climbs better than a random direction"
    better = int(((gain > random) & (gain > 0)).sum())
    low, high = (float(end) for end in records.wilson(better, len(gain)))
    share = percent(better / len(gain))
    text = f"On {share} {span([low, high])} of {len(gain)} images."
    status = "pass" if low > 0.5 else "warning" if high < CLIMBS else "open"
    return check_row(name, status, text)


def _keeps(gain: np.ndarray, promised: np.ndarray | None) -> list[dict]:
    """A gradient can be right at a point and say nothing of the next: shattered."""
    if promised is None:  # Probes of earlier versions have none.
        return []
    name = "The loss rises as its gradient promises"
    kept = np.divide(gain, promised, out=np.zeros_like(gain), where=promised > 0)
    middle = float(np.median(kept))
    text = (
        f"Over a tenth of the radius, {percent(middle)} of the promised rise is kept "
        f"in the median over {len(gain)} images."
    )
    if middle >= AGREE:
        return [check_row(name, "pass", text)]
    text += " Suspect ripples of the loss or too few EOT samples; try square and bpda."
    return [check_row(name, "open" if middle >= DISAGREE else "warning", text)]


def _logits(probabilities: np.ndarray) -> dict:
    name = "The classifier outputs logits, not probabilities"
    alike = int((probabilities == 1.0).sum())
    if alike == len(probabilities):
        text = "Its outputs are nonnegative with sum one: attack the logits instead."
        return check_row(name, "warning", text)
    if alike or not np.isfinite(probabilities).all():
        text = f"On {alike} of {len(probabilities)} images the outputs sum to one."
        return check_row(name, "open", text)
    return check_row(name, "pass", "Its outputs do not sum to one.")


def _random(spread: np.ndarray, attacks: Sequence[Result]) -> dict:
    name = "Randomness is averaged in the attack and in the prediction"
    largest = float(spread.max())
    if largest <= RANDOM:
        return check_row(name, "pass", "The defence is deterministic.")
    if not np.isfinite(largest):
        text = "The change of the logits between keys is not a number."
        return check_row(name, "warning", text)
    text = f"Between two keys a logit changes by up to {largest:.3g}. "
    exact = [r for r in attacks if r.gradient == "exact" and r.model == "defended"]
    samples = [int(r.budget.get("eot", 1)) for r in exact]
    if not samples:
        text += "No exact attack was run on the defended model."
        return check_row(name, "not run", text)
    keys = min(np.shape(r.record.attacked)[1] for r in exact)
    text += f"Exact attacks average up to {max(samples)} EOT samples, and predictions "
    text += f"are made under {keys} keys."
    averaged = max(samples) > 1 and keys > 1
    return check_row(name, "pass" if averaged else "warning", text)


def _optimises(attacks: Sequence[Result]) -> dict:
    name = "Nothing is computed at test time that the attack does not see"
    gradients = {r.gradient for r in attacks if r.model == "defended"}
    if "exact" in gradients:
        return check_row(name, "pass", "The exact gradient goes through all of it.")
    if not gradients:
        return check_row(name, "not run", "No attack was run on a defended model.")
    if "own" in gradients:
        text = "It is not known what the user's own attack differentiates."
        return check_row(name, "open", text)
    text = "The purifier iterates at test time and no attack differentiates all of it."
    return check_row(name, "warning", text)
