"""Check that the gradient an attack follows is the gradient of the evaluated defence.

Three comparisons on one image and one key, with the noise as part of the function:

    states      states recomputed in the backward pass = those of the forward pass
    stored      the gradient with rematerialisation = the one with every value kept
    slopes      the gradient along random signs d = (L(x + h d) - L(x - h d)) / 2 h

The states may differ by rounding, since a compiler fuses the two passes differently.
Slopes are exact only up to rounding divided by h, and where L has no kink within h of
x; purifiers clip and stop, and classifiers have kinks. So slopes are taken in several
directions and at several widths h: between the kinks and the rounding there must be a
width at which the median direction agrees. The error of the worst direction at that
width, which a kink may spoil, is reported too. Errors are in units of the length of the
gradient, which is the root mean square of a slope along random signs.

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
from purifax.types import Loss, Model, fair_signs, noun

__all__ = ["examine", "same_states", "same_when_stored", "slopes_agree"]

WIDTHS = (0.01, 0.003, 0.001, 0.0003, 0.0001, 0.00003)
"""Changes of every pixel; good for float32 losses of the order of one."""

Chained = Model
"""A model that also takes the keyword `scan: remat.Scan`."""


@noun
@dataclass(frozen=True)
class Figures:
    """The comparisons on one image.

    Attributes:
        length: [], Euclidean length of the gradient. states: [], the number of
        recomputed states; 0 if there is no chain. state_gap: [], the mean over them of
        the largest difference from the state of the
            forward pass.
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
    """Compare the gradient of `loss(model(key, x), label)` in x with the function.

    Args:
        model: `(key, x, *, scan) -> logits`, such as `classify.defend` with a purifier
            that takes the keyword `scan`.
        loss: `margin` does not saturate, unlike the cross-entropy of a confident model.
        scan: the rematerialisation policy of the attacked model.
        directions: int [S], folded into the key; 8 by default.
        widths: [W], changes of every pixel.

    Returns:
        `Figures`, to be judged by `same_states`, `same_when_stored` and `slopes_agree`.

    >>> model = lambda key, x, scan: jnp.stack([jnp.sum(x), jnp.sum(x**2)])
    >>> key, x = jax.random.key(0), jnp.full((2, 2, 1), 0.25)
    >>> figures = examine(key, x, jnp.array(1), model)
    >>> bool(slopes_agree(figures)), float(figures.length)
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


def same_states(figures: Figures, *, tolerance: ArrayLike = 1e-6) -> Array:
    """Every recomputed state equals that of the forward pass, up to rounding.

    True where there is no chain, so that nothing is recomputed.

    Args:
        tolerance: of a pixel; float32 rounds at 6e-8 below one.
    """
    return figures.state_gap <= tolerance


def same_when_stored(figures: Figures, *, tolerance: ArrayLike = 1e-3) -> Array:
    """Rematerialisation changes the gradient by rounding alone.

    Args:
        tolerance: relative, over the whole gradient.
    """
    return figures.stored_gap <= tolerance


def slopes_agree(figures: Figures, *, tolerance: ArrayLike = 0.05) -> Array:
    """At some width, the slope in the median direction agrees with the gradient.

    Args:
        tolerance: in units of the gradient's length. Rounding through a chain and a
            network costs up to about a hundredth; a classifier of rectifiers and maxima
            alone was observed to differ by 0.02, since its kinks are that close.
    """
    return figures.median <= tolerance


def _signs(key: Array, x: Array, directions: Array) -> Array:
    keys = jax.vmap(lambda d: jax.random.fold_in(key, d))(directions)
    return jax.vmap(lambda k: fair_signs(k, x.shape, x.dtype))(keys)


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
