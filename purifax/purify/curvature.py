"""How far a step of adaptive purification goes: the bend of the energy along it.

Source: Yoon, Hwang and Lee 2021, arXiv 2106.06041, section 3; see `adaptive`.
"""

from collections.abc import Callable

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.score import scaled
from purifax.types import Score

__all__ = ["Curvature", "by_difference", "by_jvp", "held", "step_size"]

Curvature = Callable[[Array, Array, Score], tuple[Array, Array]]
"""`curvature(x, level, score) -> (v, bend)`: v like x, bend []."""


@checks.checked()
def by_jvp(x: Array, level: Array, score: Score) -> tuple[Array, Array]:
    """v = f(x) and its bend by one Jacobian-vector product.

    >>> v, bend = by_jvp(jnp.ones((2, 2, 1)), jnp.array(1.0), lambda x, s: -x / 4)
    >>> float(bend)
    0.25
    """
    v, push = jax.linearize(lambda y: scaled(y, level, score), x)
    return v, -_ratio(v, push(v))


@checks.checked()
def by_difference(
    x: Array, level: Array, score: Score, *, probe: Array | float = 1e-3
) -> tuple[Array, Array]:
    """v = f(x) and its bend by a finite difference, as published (delta = probe).

    Needs float32 throughout: in bfloat16 the probe vanishes in rounding.

    >>> f = lambda x, s: -x / 4
    >>> v, bend = by_difference(jnp.ones((2, 2, 1)), jnp.array(1.0), f)
    >>> round(float(bend), 3)
    0.25
    """
    v = scaled(x, level, score)
    probe = jnp.asarray(probe, x.dtype)
    ahead = scaled(x + probe * v, level, score)
    return v, (1.0 - _ratio(v, ahead)) / probe


@checks.checked()
def held(
    x: Array, level: Array, score: Score, *, curvature: Curvature = Partial(by_jvp)
) -> tuple[Array, Array]:
    """A curvature whose bend is a constant to the gradient.

    `Partial(adaptive, curvature=Partial(held))` has the images of `adaptive` and the
    gradient with its step sizes held constant, which Croce et al. 2022 (arXiv
    2202.13711) attack with. It is cheaper than the exact gradient and not exact.
    """
    v, bend = curvature(x, level, score)
    return v, jax.lax.stop_gradient(bend)


@checks.checked()
def step_size(
    bend: Array,
    *,
    rate: Array | float = 0.05,
    smallest: Array | float = 1e-5,
    largest: Array | float = 0.1,
) -> Array:
    """clip(rate / bend): `largest` at zero bend, `smallest` at negative bend.

    >>> [round(float(step_size(jnp.array(b))), 5) for b in (1.0, 0.0, -1.0)]
    [0.05, 0.1, 1e-05]
    """
    steep = bend * largest > rate
    newton = rate / jnp.where(steep, bend, 1.0)
    flat = jnp.where(bend >= 0, largest, smallest)
    return jnp.clip(jnp.where(steep, newton, flat), smallest, largest)


def _ratio(v: Array, w: Array) -> Array:
    """<v, w> / <v, v> in float32 or better; 0 for v = 0, with finite gradients."""
    wide = jnp.promote_types(v.dtype, jnp.float32)
    v, w = v.astype(wide), w.astype(wide)
    square = jnp.sum(jnp.square(v))
    return jnp.sum(v * w) / jnp.where(square > 0, square, 1.0)
