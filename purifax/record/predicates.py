"""Signs that an attack failed rather than that a defence held.

A defence can look strong because its gradient is hidden, noisy or wrong. Each function
is a predicate that holds for an attack that works, and returns False where the numbers
contradict it. Where the numbers are merely inconclusive (an interval that includes both
answers) it holds: absence of proof is not a contradiction. NaN contradicts every
predicate.

Source: Carlini et al. 2019, arXiv 1902.06705, section 3; Athalye, Carlini and Wagner
2018, arXiv 1802.00420, section 3.1.
"""

import jax
from jax import Array
from jax import numpy as jnp
from jax.typing import ArrayLike

__all__ = [
    "falling",
    "inside",
    "near_chance",
    "ordered",
    "probabilities",
    "unchanged_at_zero",
]


def ordered(low: ArrayLike, high: ArrayLike) -> Array:
    """The stronger attack does not leave more accuracy than the weaker one.

    The weakest attack is no attack.

    Args:
        low, high: interval of (accuracy under the weaker) - (under the stronger).

    Returns:
        bool, of their shape.

    >>> [bool(ordered(-0.1, high)) for high in (0.02, -0.03)]
    [True, False]
    """
    return (jnp.asarray(high) >= 0) & (jnp.asarray(low) <= high)


def falling(low: ArrayLike, high: ArrayLike) -> Array:
    """Accuracy does not increase with the strength of the attack.

    No interval lies wholly above that of a weaker attack.

    Args:
        low, high: [T], intervals by increasing radius (or steps, or gradient samples).

    Returns:
        bool [].

    >>> bool(falling(jnp.array([0.8, 0.5, 0.1]), jnp.array([0.9, 0.6, 0.2])))
    True
    """
    low, high = jnp.asarray(low), jnp.asarray(high)
    return jnp.all(low <= jax.lax.cummin(high))


def near_chance(low: ArrayLike, num_classes: int) -> Array:
    """An attack with a huge radius leaves no more than chance, 1 / num_classes.

    Args:
        low: lower end of the interval of accuracy at that radius.

    >>> [bool(near_chance(low, 10)) for low in (0.04, 0.3)]
    [True, False]
    """
    return jnp.asarray(low) <= 1.0 / num_classes


def inside(distance: ArrayLike, radius: ArrayLike, *, slack: float = 1e-5) -> Array:
    """Every perturbation is within the radius, up to rounding.

    Args:
        distance: [N], in the units of `radius`.
        slack: tolerance; float32 images round at about 1e-7 per pixel.

    >>> [bool(inside(jnp.array([0.1, far]), 0.1)) for far in (0.05, 0.2)]
    [True, False]
    """
    return jnp.all(jnp.asarray(distance) <= jnp.asarray(radius) + slack)


def unchanged_at_zero(
    clean: ArrayLike, attacked: ArrayLike, distance: ArrayLike, *, slack: float = 1e-6
) -> Array:
    """Unperturbed images get the same answers as before, key by key.

    Fails when clean and attacked images were evaluated with different models, keys or
    preprocessing. True where every image was perturbed.

    Args:
        clean, attacked: int [N, M], predicted classes.
        distance: [N], the length of each perturbation.

    >>> answers, moved = jnp.array([[1, 2]]), jnp.array([[2, 2]])
    >>> [bool(unchanged_at_zero(answers, moved, jnp.array([d]))) for d in (0.0, 0.1)]
    [False, True]
    """
    still = jnp.asarray(distance) <= slack
    same = jnp.all(jnp.asarray(clean) == jnp.asarray(attacked), axis=1)
    return jnp.all(same | ~still)


def probabilities(outputs: ArrayLike, *, slack: float = 1e-5) -> Array:
    """Whether a classifier's outputs look like probabilities instead of logits.

    A softmax that has saturated leaves the attack no gradient; attack its input.

    Args:
        outputs: [..., K].
        slack: tolerance of the sum around one.

    Returns:
        bool [...].

    >>> [bool(probabilities(jnp.array(o))) for o in ((0.9, 0.1), (3.0, -2.0))]
    [True, False]
    """
    outputs = jnp.asarray(outputs)
    sums = jnp.abs(jnp.sum(outputs, axis=-1) - 1.0) <= slack
    return sums & jnp.all(outputs >= 0.0, axis=-1)
