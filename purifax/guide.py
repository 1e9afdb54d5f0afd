"""Guidance: scores made from scores, so that any sampler or purifier can follow it.

    class_conditional   s(x, sigma, label)
    classifier_free     s(x) + scale (s(x, label) - s(x))
    by_classifier       s(x) + scale grad log p(label | x, sigma)
    bounded             the score whose denoised image is clipped to [low, high]

With scale 1, `classifier_free` is the conditional score, and so is `by_classifier` by
Bayes' rule; scales above 1 sharpen the distribution. The weight of Ho and Salimans is
w = scale - 1.

Each function takes callables and returns a `jax.tree_util.Partial`, a pytree whose
leaves are theirs. Labels are traced, so that one program serves all classes.

Source: Dhariwal and Nichol 2021, arXiv 2105.05233, section 4 and eq. 14; Ho and
Salimans 2022, arXiv 2207.12598, eq. 6.
"""

from collections.abc import Callable

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.score import denoise
from purifax.types import Score, as_pytree, expect

__all__ = ["bounded", "by_classifier", "class_conditional", "classifier_free"]

ConditionalScore = Callable[[Array, Array, Array], Array]
"""`score(x, sigma, label) -> like x`."""

NoisyClassifier = Callable[[Array, Array], Array]
"""`classifier(x, sigma) -> logits [K]` of an image with noise of level sigma."""

_ONE_LABEL = "It is the number of one class."


@checks.checked()
def class_conditional(score: ConditionalScore, label: Array | int) -> Score:
    """The score of one class.

    Raises:
        ValueError: the label is not one integer, such as a one-hot vector.

    >>> toward = lambda x, sigma, label: label - x
    >>> float(class_conditional(toward, 3)(jnp.ones(()), jnp.ones(())))
    2.0
    """
    expect("`label`", label, (), int, hint=_ONE_LABEL)
    return Partial(_class_conditional, score=as_pytree(score), label=label)


@checks.checked()
def classifier_free(
    conditional: Score, unconditional: Score, scale: Array | float = 1.0
) -> Score:
    """Classifier-free guidance: from the unconditional towards the conditional score.

    Args:
        conditional: such as `class_conditional(score, label)`.
        unconditional: the same network with its empty label.
        scale: 0 ignores the class, 1 is the conditional score.

    >>> one, three = (lambda x, sigma: x), (lambda x, sigma: 3 * x)
    >>> float(classifier_free(three, one, 2.0)(jnp.ones(()), jnp.ones(())))
    5.0
    """
    return Partial(
        _classifier_free,
        conditional=as_pytree(conditional),
        unconditional=as_pytree(unconditional),
        scale=scale,
    )


@checks.checked()
def by_classifier(
    score: Score,
    classifier: NoisyClassifier,
    label: Array | int,
    scale: Array | float = 1.0,
) -> Score:
    """Classifier guidance: the score plus the gradient of the class's log probability.

    The exact gradient of a guided purifier contains second derivatives of the
    classifier; reverse mode computes them by itself.

    Args:
        classifier: logits of a noised image, given its level.
        label: integer class.
        scale: factor on the gradient.

    Raises:
        ValueError: the label is not one integer, or, when the score is called, the
            classifier does not give logits [K].

    >>> flat, logits = (lambda x, sigma: 0 * x), (lambda x, sigma: jnp.append(x, 0.0))
    >>> by_classifier(flat, logits, 0, 4.0)(jnp.zeros(1), jnp.ones(())).tolist()
    [2.0]
    """
    expect("`label`", label, (), int, hint=_ONE_LABEL)
    return Partial(
        _by_classifier,
        score=as_pytree(score),
        classifier=as_pytree(classifier),
        label=label,
        scale=scale,
    )


@checks.checked(low=checks.number(), high=checks.number())
def bounded(score: Score, low: Array | float = 0.0, high: Array | float = 1.0) -> Score:
    """The score whose denoised image is clipped to [low, high].

    Most published samplers clip the denoised image at every step. With an exact score
    of images in [0, 1] that changes nothing; otherwise it changes the distribution.

    >>> far = lambda x, sigma: 9 + 0 * x
    >>> float(bounded(far)(jnp.zeros(()), jnp.ones(())))
    1.0
    """
    return Partial(_bounded, score=as_pytree(score), low=low, high=high)


def _class_conditional(
    x: Array, sigma: Array, score: ConditionalScore, label: Array
) -> Array:
    return score(x, sigma, label)


def _classifier_free(
    x: Array, sigma: Array, conditional: Score, unconditional: Score, scale: Array
) -> Array:
    base = unconditional(x, sigma)
    return base + jnp.asarray(scale, x.dtype) * (conditional(x, sigma) - base)


def _by_classifier(
    x: Array,
    sigma: Array,
    score: Score,
    classifier: NoisyClassifier,
    label: Array,
    scale: Array,
) -> Array:
    def log_probability(x: Array) -> tuple[Array, Array]:
        logits = classifier(x, sigma)
        expect("The output of the classifier for one image", logits, (None,))
        logs = jax.nn.log_softmax(logits)
        right = jnp.arange(logs.shape[0]) == label
        return jnp.sum(jnp.where(right, logs, 0.0)), logits

    slope, logits = jax.grad(log_probability, has_aux=True)(x)
    slope = checks.where(checks.among("`label`", label, logits.shape[0]), slope)
    return score(x, sigma) + jnp.asarray(scale, x.dtype) * slope


def _bounded(x: Array, sigma: Array, score: Score, low: Array, high: Array) -> Array:
    sigma = jnp.asarray(sigma, x.dtype)
    return (jnp.clip(denoise(x, sigma, score), low, high) - x) / jnp.square(sigma)
