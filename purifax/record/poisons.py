"""What a poison achieved, from the predictions of networks that were trained on it.

    targeted    each target has a class it is wanted in:   reached, only missed, right
    triggered   images of other classes with the trigger, predicted as the target class
    any         accuracy on the clean test set

Rates are of true counts, never means over batches of unequal size. Every target and
every triggered class is a training of its own: their rates are averaged, and the worst
of them is the highest.

Source: Bhat et al. 2024, arXiv 2405.18627 (poison success, average and worst class).
"""

from dataclasses import dataclass

from jax import Array
from jax import numpy as jnp
from jax.typing import ArrayLike

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
    """What became of every target, bool [T] each; exactly one of them holds.

    Attributes:
        reached: it is predicted as the class that was wanted.
        missed: it is predicted wrongly, but not as that class.
        right: it is predicted as its own class.
    """

    reached: Array
    missed: Array
    right: Array

    @property
    def success(self) -> Array:
        """The rate of targets that reached the class wanted, []."""
        return jnp.mean(self.reached, dtype=jnp.float32)


@noun
@dataclass(frozen=True)
class TriggerSuccess:
    """The success of triggers over target classes.

    Attributes:
        mean, worst: of the rates, []; worst is the highest.
        deviation: between classes, with K - 1 in the denominator, []; 0 for one class.
        worst_class: the position of the worst, int [].
    """

    mean: Array
    worst: Array
    deviation: Array
    worst_class: Array


def targeted(predictions: ArrayLike, label: ArrayLike, wanted: ArrayLike) -> Targeted:
    """The outcome of every target.

    Args:
        predictions: int [T], each of the network that was trained on its own poison.
        label: int [T], the targets' own classes.
        wanted: int [T], those that the attacker wants.

    Raises:
        ValueError: shapes differ.

    >>> found = targeted(jnp.array([8, 6, 1]), jnp.array([6, 6, 6]), jnp.array([8] * 3))
    >>> found.reached.tolist(), found.missed.tolist()
    ([True, False, False], [False, False, True])
    >>> round(float(found.success), 4)
    0.3333
    """
    said, own, aim = (jnp.asarray(v) for v in (predictions, label, wanted))
    if not said.shape == own.shape == aim.shape or said.ndim != 1:
        raise ValueError(
            f"`predictions`, `label` and `wanted` must be [T], one entry per target; "
            f"got shapes {said.shape}, {own.shape} and {aim.shape}."
        )
    reached, right = said == aim, said == own
    return Targeted(reached, ~(reached | right), right & ~reached)


def trigger_success(
    predictions: ArrayLike, label: ArrayLike, target: ArrayLike
) -> Array:
    """The rate of triggered images of other classes that are predicted as the target.

    Args:
        predictions: int [N], of test images with the trigger.
        label: int [N]; images of the target class are left out.
        target: int [].

    Returns:
        Scalar; 0 where all images are of the target class.

    >>> float(trigger_success(jnp.array([2, 2, 0, 2]), jnp.array([0, 2, 1, 1]), 2))
    0.6666666865348816
    """
    said, own = jnp.asarray(predictions), jnp.asarray(label)
    others = own != target
    hit = jnp.sum((said == target) & others, dtype=jnp.float32)
    return hit / jnp.maximum(jnp.sum(others, dtype=jnp.float32), 1.0)


def over_classes(rates: ArrayLike) -> TriggerSuccess:
    """Average and worst of the success rates of one trigger for each class.

    Args:
        rates: float [K], from `trigger_success`, of as many trainings.

    >>> found = over_classes(jnp.array([0.25, 0.75]))
    >>> float(found.mean), float(found.worst), int(found.worst_class)
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
    """The rate of clean test images that are predicted rightly, [].

    Args:
        predictions, label: int [N].

    >>> float(natural_accuracy(jnp.array([1, 2, 0, 0]), jnp.array([1, 2, 0, 3])))
    0.75
    """
    right = jnp.asarray(predictions) == jnp.asarray(label)
    return jnp.mean(right, dtype=jnp.float32)
