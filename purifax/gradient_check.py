"""Is the gradient that an attack follows the gradient of the defence that answers?

Three comparisons on one image and one key, where the noise is part of the function:

    states      computed again in the backward pass = as they were in the forward pass
    stored      the gradient with recomputation = the one with every value stored
    slopes      the gradient along random signs d = (L(x + h d) - L(x - h d)) / 2 h

The states may differ by rounding, since a compiler fuses the two passes differently.
Slopes are exact only up to rounding over h and where L has no kink within h of x, and
purifiers clip and stop and classifiers have kinks. So slopes are taken in several
directions and at several widths h: between the kinks and the rounding there must be a
width at which the median direction agrees. The worst direction there, which a kink may
spoil, is reported. An error is in units of the gradient's length, which is the root
mean square of a slope along random signs.

Source: DiffBreak (Kassis, Hengartner and Yu 2025, arXiv 2411.16598) names wrong times,
wrong noise and lost second derivatives as errors of published purification gradients.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial
from jax.typing import ArrayLike

from purifax.classify import margin
from purifax.transform import remat
from purifax.types import Loss, Model, noun

__all__ = [
    "Figures",
    "examine",
    "same_states",
    "same_when_stored",
    "slopes_agree",
]

WIDTHS = (0.01, 0.003, 0.001, 0.0003, 0.0001, 0.00003)
"""Changes of every pixel; good for float32 losses of the order of one."""

Chained = Model
"""A model that also takes the keyword `scan: remat.Scan`."""


@noun
@dataclass(frozen=True)
class Figures:
    """What was found on one image.

    Attributes:
        length: [], Euclidean length of the gradient.
        states: [], how many states were computed again; 0 if there is no chain.
        state_gap: [], the mean over them of the largest difference from the stored
            state.
        stored_gap: [], |g - g_stored| / |g_stored|.
        widths: [W].
        errors: [W, S], |slope - expected| / |g| at each width in each direction.
    """

    length: Array
    states: Array
    state_gap: Array
    stored_gap: Array
    widths: Array
    errors: Array

    @property
    def width(self) -> Array:
        """[], the width at which the median direction agrees best."""
        return self.widths[self._best()]

    @property
    def median(self) -> Array:
        """[], the error of the median direction at that width."""
        return jnp.median(self.errors[self._best()])

    @property
    def worst(self) -> Array:
        """[], the error of the worst direction at that width."""
        return jnp.max(self.errors[self._best()])

    def _best(self) -> Array:
        return jnp.argmin(jnp.median(self.errors, axis=1))


def examine(
    key: Array,
    x: Array,
    label: Array,
    model: Chained,
    *,
    loss: Loss = Partial(margin),
    scan: remat.Scan = Partial(remat.auto),
    directions: Array | None = None,
    widths: ArrayLike | Sequence[float] = WIDTHS,
) -> Figures:
    """Examines the gradient of `loss(model(key, x), label)` in x.

    Args:
        model: `(key, x, *, scan) -> logits`, such as `classify.defend` with a purifier
            that takes the keyword `scan`.
        loss: `margin` does not saturate, as the cross-entropy of a sure model does.
        scan: how the attacked model recomputes.
        directions: [S] integers, folded into the key; 8 by default.
        widths: [W], changes of every pixel.

    Returns:
        The figures; judge them with `same_states`, `same_when_stored` and
        `slopes_agree`.

    >>> model = lambda key, x, scan: jnp.stack([jnp.sum(x), jnp.sum(x**2)])
    >>> key, x = jax.random.key(0), jnp.full((2, 2, 1), 0.25)
    >>> found = examine(key, x, jnp.array(1), model)
    >>> bool(slopes_agree(found)), float(found.length)
    (True, 1.0)
    """
    k_model, k_directions = jax.random.split(key)

    def value(y: Array, scan: remat.Scan) -> Array:
        logits = model(jax.random.clone(k_model), y, scan=scan)  # pyright: ignore[reportCallIssue]
        return loss(logits, label)

    def watched(y: Array, report: Array) -> Array:
        return value(y, Partial(remat.witness, scan=scan, report=report))

    gradient, report = jax.grad(watched, argnums=(0, 1))(x, jnp.zeros(2, x.dtype))
    kept = jax.grad(value)(x, Partial(remat.none))
    widths = jnp.asarray(widths, x.dtype)
    signs = _signs(k_directions, x, jnp.arange(8) if directions is None else directions)
    slopes = _slopes(lambda y: value(y, scan), x, signs, widths)
    expected, length = jnp.tensordot(signs, gradient, axes=x.ndim), _norm(gradient)
    return Figures(
        length=length,
        states=report[1],
        state_gap=report[0] / jnp.maximum(report[1], 1.0),
        stored_gap=_over(_norm(gradient - kept), _norm(kept)),
        widths=widths,
        errors=_over(jnp.abs(slopes - expected[None]), length),
    )


def same_states(found: Figures, *, tolerance: ArrayLike = 1e-6) -> Array:
    """Every state computed again equals the stored one, up to rounding.

    True where there is no chain and so nothing is computed again.

    Args:
        tolerance: of a pixel; float32 rounds at 6e-8 below one.
    """
    return found.state_gap <= tolerance


def same_when_stored(found: Figures, *, tolerance: ArrayLike = 1e-3) -> Array:
    """Recomputation changes the gradient by rounding alone.

    Args:
        tolerance: relative, over the whole gradient.
    """
    return found.stored_gap <= tolerance


def slopes_agree(found: Figures, *, tolerance: ArrayLike = 0.05) -> Array:
    """At some width, the median direction rises as the gradient says.

    Args:
        tolerance: in units of the gradient's length. Rounding through a chain and a
            network costs up to about a hundredth; a classifier of rectifiers and
            maxima alone was seen to miss by 0.02, its kinks lying as close as that.
    """
    return found.median <= tolerance


def _signs(key: Array, x: Array, directions: Array) -> Array:
    keys = jax.vmap(lambda d: jax.random.fold_in(key, d))(directions)
    return jax.vmap(lambda k: jax.random.rademacher(k, x.shape, x.dtype))(keys)


def _slopes(
    value: Callable[[Array], Array], x: Array, signs: Array, widths: Array
) -> Array:
    """Central differences, [W, S]."""
    steps = jnp.stack([widths, -widths]).ravel()

    def along(d: Array) -> Array:
        ahead, behind = jax.lax.map(lambda h: value(x + h * d), steps).reshape(2, -1)
        return (ahead - behind) / (2 * widths)

    return jax.lax.map(along, signs).T


def _norm(v: Array) -> Array:
    return jnp.sqrt(jnp.sum(jnp.square(v)))


def _over(size: Array, unit: Array) -> Array:
    """size / unit, and size itself where the unit is zero."""
    return size / jnp.where(unit == 0, 1.0, unit)
