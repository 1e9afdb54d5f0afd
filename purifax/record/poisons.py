"""The success of a poison, from the predictions of networks that were trained on it.

    targeted    each target image has a class that the attacker wants it classified as
    triggered   images of other classes with the trigger, predicted as the target class
    any         accuracy on the clean test set

Rates are computed from counts, never as means over batches of unequal size. Every
target and every triggered class takes a training of its own: their rates are averaged,
and the worst of them is the highest.

Source: Bhat et al. 2024, arXiv 2405.18627 (poison success, average and worst class).
"""

from dataclasses import dataclass

from jax import Array
from jax import numpy as jnp
from jax.typing import ArrayLike

from purifax import _checks as checks
from purifax.types import noun

__all__ = [
    "Targeted",
    "TriggerSuccess",
    "natural_accuracy",
    "over_classes",
    "targeted",
    "trigger_success",
]


@noun
@dataclass(frozen=True)
class Targeted:
    """The outcome of every target, bool [T] each; exactly one of the three holds.

    Attributes:
        reached: it is predicted as the class that the attacker wants.
        missed: it is predicted wrongly, but as another class.
        right: it is predicted as its own class.
    """

    reached: Array
    missed: Array
    right: Array

    @property
    def success(self) -> Array:
        """The share of targets that are predicted as the wanted class, []."""
        return jnp.mean(self.reached, dtype=jnp.float32)


@noun
@dataclass(frozen=True)
class TriggerSuccess:
    """The success of triggers over target classes.

    Attributes:
        mean, worst: mean and highest of the rates, []. deviation: standard deviation
        between classes, with K - 1 in the denominator, [];
            0 for one class.
        worst_class: the position of the highest rate, int [].
    """

    mean: Array
    worst: Array
    deviation: Array
    worst_class: Array


def targeted(predictions: ArrayLike, label: ArrayLike, wanted: ArrayLike) -> Targeted:
    """The outcome of every target.

    Args:
        predictions: int [T], each by the network that was trained on its poison.
        label: int [T], the true classes of the targets.
        wanted: int [T], the classes that the attacker wants.

    Raises:
        ValueError: shapes differ.

    >>> said, own, wanted = jnp.array([8, 6, 1]), jnp.array([6] * 3), jnp.array([8] * 3)
    >>> outcome = targeted(said, own, wanted)
    >>> outcome.reached.tolist(), outcome.missed.tolist()
    ([True, False, False], [False, False, True])
    >>> round(float(outcome.success), 4)
    0.3333
    """
    said, own, aim = (jnp.asarray(v) for v in (predictions, label, wanted))
    if not said.shape == own.shape == aim.shape or said.ndim != 1:
        raise ValueError(
            f"`predictions`, `label` and `wanted` must be [T], one entry per target; "
            f"got shapes {said.shape}, {own.shape} and {aim.shape}."
        )
    checks.classes("`predictions`", said, -1)
    checks.classes("`label`", own)
    checks.classes("`wanted`", aim)
    reached, right = said == aim, said == own
    return Targeted(reached, ~(reached | right), right & ~reached)


@checks.checked(label=checks.labels)
def trigger_success(
    predictions: ArrayLike, label: ArrayLike, target: ArrayLike
) -> Array:
    """The share of triggered images of other classes predicted as the target class.

    Args:
        predictions: int [N], of test images with the trigger.
        label: int [N]; images of the target class do not count.
        target: int [].

    Returns:
        Scalar; 0 where all images belong to the target class.

    >>> float(trigger_success(jnp.array([2, 2, 0, 2]), jnp.array([0, 2, 1, 1]), 2))
    0.6666666865348816
    """
    said, own = _alike(predictions, label)
    others = own != target
    hit = jnp.sum((said == target) & others, dtype=jnp.float32)
    return hit / jnp.maximum(jnp.sum(others, dtype=jnp.float32), 1.0)


@checks.checked(rates=checks.rates)
def over_classes(rates: ArrayLike) -> TriggerSuccess:
    """Average and worst of the success rates of one trigger for each class.

    Args:
        rates: float [K], from `trigger_success`, of K trainings.

    >>> success = over_classes(jnp.array([0.25, 0.75]))
    >>> float(success.mean), float(success.worst), int(success.worst_class)
    (0.5, 0.75, 1)
    """
    rates = jnp.asarray(rates, jnp.float32)
    mean = jnp.mean(rates)
    squares = jnp.sum(jnp.square(rates - mean))
    return TriggerSuccess(
        mean=mean,
        worst=jnp.max(rates),
        deviation=jnp.sqrt(squares / max(rates.shape[0] - 1, 1)),
        worst_class=jnp.argmax(rates),
    )


def natural_accuracy(predictions: ArrayLike, label: ArrayLike) -> Array:
    """The share of clean test images that are predicted correctly, [].

    Args:
        predictions, label: int [N].

    >>> float(natural_accuracy(jnp.array([1, 2, 0, 0]), jnp.array([1, 2, 0, 3])))
    0.75
    """
    said, own = _alike(predictions, label)
    return jnp.mean(said == own, dtype=jnp.float32)


def _alike(predictions: ArrayLike, label: ArrayLike) -> tuple[Array, Array]:
    """Class numbers of the same images, [N] both."""
    said, own = jnp.asarray(predictions), jnp.asarray(label)
    if said.ndim != 1 or said.shape != own.shape:
        raise ValueError(
            "`predictions` and `label` must be [N], one entry per image; got shapes "
            f"{said.shape} and {own.shape}."
        )
    checks.classes("`predictions`", said, -1)
    checks.classes("`label`", own)
    return said, own
