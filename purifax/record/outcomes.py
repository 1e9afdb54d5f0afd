"""Outcomes per image and per key, and the accuracies computed from them.

A randomised defence may answer differently under every key, so an accuracy has two
sources of randomness: the N images, and the M keys under which each of them is
evaluated. With A[i, j] = 1 if image i is classified correctly under key j, and c_i =
sum_j A[i, j]:

    average     mean A[i, j]                      one evaluation, a fresh key
    worst of m  mean_i C(c_i, m) / C(M, m)        the attacker submits m times
    vote of k   mean_i [plurality of k keys = y]  the defender asks k times

The same numbers for the *clean* images are the control: a randomised defence loses
accuracy when an image is submitted again, even without any attack.

Functions here take a set of images. Predictions are class numbers; -1 means "no answer"
and is always wrong.
"""

from dataclasses import dataclass

import jax
from jax import Array
from jax import numpy as jnp
from jax.typing import ArrayLike

from purifax import _checks as checks
from purifax.types import noun

__all__ = [
    "Record",
    "average",
    "correct",
    "every_key",
    "survival",
    "vote_of",
    "voted",
    "worst_of",
]


NO_ANSWER = -1
"""The predicted class where the logits are not finite."""


@noun
@dataclass(frozen=True)
class Record:
    """The outcomes of one attack on one model.

    Attributes:
        index: int [N], the numbers of the images in their data set.
        label: int [N].
        clean, attacked: int [N, M], the class predicted under each of M keys. The keys
            are fresh: the attack did not see them.
        distance: float [N], the length of the perturbation in the norm of the threat.
    """

    index: Array
    label: Array
    clean: Array
    attacked: Array
    distance: Array


def correct(predictions: ArrayLike, label: ArrayLike) -> Array:
    """A[i, j]: whether image i is classified correctly under key j.

    Args:
        predictions: int [N, M]; give a vector [N] as [N, 1].
        label: int [N].

    Returns:
        bool [N, M].

    Raises:
        ValueError: the predictions are not integers [N, M] of -1 or more, or the labels
            not classes [N].

    >>> correct(jnp.array([[3, 1], [0, 0]]), jnp.array([3, 0])).tolist()
    [[True, False], [True, True]]
    """
    predictions, label = jnp.asarray(predictions), jnp.asarray(label)
    if predictions.ndim != 2 or 0 in predictions.shape:
        raise ValueError(
            "`predictions` must be [images, keys] with one of each at least; got shape "
            f"{predictions.shape}. For one key per image, give `predictions[:, None]`."
        )
    if label.shape != predictions.shape[:1]:
        raise ValueError(
            f"`label` must be [{predictions.shape[0]}], one per image; got shape "
            f"{label.shape}."
        )
    checks.classes("`predictions`", predictions, NO_ANSWER)
    checks.classes("`label`", label, NO_ANSWER)
    answers = predictions.astype(jnp.int32)
    return (answers == label.astype(jnp.int32)[:, None]) & (answers >= 0)


def average(predictions: ArrayLike, label: ArrayLike) -> Array:
    """Mean accuracy over images and keys, []: the expectation of one evaluation.

    >>> float(average(jnp.array([[3, 1], [0, 0]]), jnp.array([3, 0])))
    0.75
    """
    return jnp.mean(correct(predictions, label), dtype=jnp.float32)


def survival(predictions: ArrayLike, label: ArrayLike) -> Array:
    """The probability that an image is correct under all of m keys, m = 1..M.

    C(c, m) / C(M, m) = prod_{j < m} (c - j) / (M - j), an unbiased estimate (as
    pass@k): every choice of m keys among the M counts once. The running product of
    ratios in [0, 1] cannot overflow.

    Returns:
        float32 [N, M], entry [i, m - 1] for m keys.

    >>> survival(jnp.array([[1, 1, 1, 0]]), jnp.array([1])).tolist()
    [[0.75, 0.5, 0.25, 0.0]]
    """
    outcomes = correct(predictions, label)
    right, keys = jnp.sum(outcomes, axis=1, dtype=jnp.int32), outcomes.shape[1]
    used = jnp.arange(keys, dtype=jnp.int32)
    left = jnp.maximum(right[:, None] - used[None, :], 0)
    return jnp.cumprod(left / (keys - used)[None, :], axis=1)


def worst_of(predictions: ArrayLike, label: ArrayLike) -> Array:
    """Accuracy against an attacker who submits each image m times, m = 1..M.

    The first entry is the average accuracy, the last the share of images that are
    correct under all M keys.

    Returns:
        float32 [M], decreasing.

    >>> worst_of(jnp.array([[1, 1], [1, 0]]), jnp.array([1, 1])).tolist()
    [0.75, 0.5]
    """
    return jnp.mean(survival(predictions, label), axis=0)


def every_key(predictions: ArrayLike, label: ArrayLike) -> Array:
    """The share of images that are correct under all of their keys, [].

    >>> float(every_key(jnp.array([[1, 1], [1, 0]]), jnp.array([1, 1])))
    0.5
    """
    always = jnp.all(correct(predictions, label), axis=1)
    return jnp.mean(always, dtype=jnp.float32)


def voted(
    predictions: ArrayLike, label: ArrayLike, k: ArrayLike, num_classes: int
) -> Array:
    """Whether the true class wins the plurality of the first k keys.

    A tie counts against the defender: the true class must have more votes than every
    other. (A deployed vote breaks ties by a rule that does not know the truth, so it is
    correct at least as often.)

    Args:
        k: [], from 1 to M; may be traced, so that `vmap` gives a curve.

    Returns:
        bool [N].

    >>> voted(jnp.array([[2, 2, 1], [0, 2, 1]]), jnp.array([2, 2]), 3, 4).tolist()
    [True, False]
    """
    right = correct(predictions, label)
    checks.classes("`label`", label, NO_ANSWER, num_classes - 1)
    checks.number(1, right.shape[1])("`k`", k, None)
    classes = jnp.arange(num_classes, dtype=jnp.int32)
    counted = jnp.arange(right.shape[1], dtype=jnp.int32) < k

    def tally(row: Array) -> Array:
        cast = counted & (row >= 0)
        return jnp.bincount(row, weights=cast.astype(jnp.int32), length=num_classes)

    votes = jax.vmap(tally)(jnp.asarray(predictions).astype(jnp.int32))
    true = classes[None, :] == jnp.asarray(label).astype(jnp.int32)[:, None]
    own = jnp.sum(right & counted[None, :], axis=1, dtype=jnp.int32)
    return own > jnp.max(jnp.where(true, 0, votes), axis=1)


def vote_of(
    predictions: ArrayLike, label: ArrayLike, k: ArrayLike, num_classes: int
) -> Array:
    """Accuracy of a plurality vote of the first k keys, []; ties count as wrong.

    >>> votes = jnp.array([[2, 2, 1], [0, 2, 1]])
    >>> float(vote_of(votes, jnp.array([2, 2]), 3, num_classes=4))
    0.5
    """
    won = voted(predictions, label, k, num_classes)
    return jnp.mean(won, dtype=jnp.float32)
