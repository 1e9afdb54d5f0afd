"""From a perturbation of real numbers to one of 8-bit images, within its budget.

Rounding to the nearest level can push an L2 perturbation, or an Linf one whose radius
is no multiple of 1/255, out of its budget. So the size of every entry is rounded as

    floor(size + t),    size = 255 |clip(x + delta, 0, 1) - x|,

with t = 1/2, the nearest level, where that keeps the budget, and else with the largest
t that does: t = 0 cuts every entry towards zero and always does.

Source: for the floor, `uint8` casts in the released code of most poisons (Unlearnable
Examples, LSP, CUDA): it darkens an image by half a level on average.
"""

import jax
from jax import Array
from jax import numpy as jnp

from purifax.poison.budget import Budget, within

__all__ = ["stored", "truncated"]

_HALVINGS = 12


def stored(x: Array, delta: Array, threat: Budget | None) -> Array:
    """The 8-bit image nearest to x + delta that keeps the budget.

    Args:
        x: uint8 [H, W, C].
        delta: like x, float32, of images in [0, 1].
        threat: the budget; None rounds to the nearest level.

    Returns:
        uint8, like x. Where delta itself exceeds the budget, so may the image.

    >>> from purifax.threat import Linf
    >>> x = jnp.array([[[100], [0]]], jnp.uint8)
    >>> stored(x, jnp.full(x.shape, 0.1), Linf(0.1)).ravel().tolist()
    [125, 25]
    """
    base = x.astype(jnp.float32)
    change = jnp.clip(base + 255 * delta, 0, 255) - base
    size, sign = jnp.abs(change), jnp.sign(change)

    def at(t: Array) -> Array:
        return base + sign * jnp.floor(size + t)

    def fits(t: Array) -> Array:
        if threat is None:
            return jnp.array(True)
        return within(threat.distance(at(t) / 255, base / 255), threat)

    def halve(_: Array, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bounds
        middle = 0.5 * (low + high)
        kept = fits(middle)
        return jnp.where(kept, middle, low), jnp.where(kept, high, middle)

    half = jnp.full((), 0.5, base.dtype)
    low, _ = jax.lax.fori_loop(0, _HALVINGS, halve, (0 * half, half))
    return at(jnp.where(fits(half), half, low)).astype(jnp.uint8)


def truncated(x: Array, delta: Array, threat: Budget | None) -> Array:
    """The 8-bit image as released codes store it: x + delta, cut down to a level.

    >>> x = jnp.array([[[100], [100]]], jnp.uint8)
    >>> delta = jnp.array([[[0.9], [-0.9]]]) / 255
    >>> truncated(x, delta, None).ravel().tolist()
    [100, 99]
    """
    del threat
    # A thousandth of a level, so that whole levels survive float32.
    level = x.astype(jnp.float32) + 255 * delta + 1e-3
    return jnp.floor(jnp.clip(level, 0, 255)).astype(jnp.uint8)
