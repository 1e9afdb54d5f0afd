"""The loop shared by samplers: one step between every two neighbouring levels."""

from typing import Protocol

import jax
from jax import Array
from jax import numpy as jnp

from purifax import schedule
from purifax.transform import remat

__all__ = ["Step", "descend", "removed"]


class Step(Protocol):
    """`step(key, x, sigma, below) -> x`, from one level to the next."""

    def __call__(self, key: Array, x: Array, sigma: Array, below: Array, /) -> Array:
        """x at level `below`."""
        ...


def descend(
    key: Array, x: Array, step: Step, sigmas: Array, scan: remat.Scan
) -> tuple[Array, Array]:
    """Take `step` from each level to the next, step i with the key `fold_in(key, i)`.

    Args:
        sigmas: [T + 1], decreasing, from any level to any other.
        scan: what the gradient keeps, see `transform.remat`.

    Returns:
        The last state, and the path [T + 1, ...].

    Raises:
        ValueError: the levels increase, or are not levels, or x is not floating.

    >>> halve = lambda key, x, sigma, below: x * below / sigma
    >>> key, levels = jax.random.key(0), jnp.array([1.0, 0.5, 0.0])
    >>> descend(key, jnp.ones(()), halve, levels, remat.none)[1].tolist()
    [1.0, 0.5, 0.0]
    """
    levels = schedule.falling(sigmas).astype(x.dtype)

    def one(x: Array, at: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        i, sigma, below = at
        x = step(jax.random.fold_in(key, i), x, sigma, below)
        return x, x

    count = jnp.arange(levels.shape[0] - 1)
    last, path = scan(one, x, (count, levels[:-1], levels[1:]))
    return last, jnp.concatenate([x[None], path])


def removed(sigma: Array, below: Array) -> Array:
    """The variance between two levels, sigma^2 - below^2.

    Written as a product it is exactly zero between equal levels, even where the
    compiler contracts multiplications and additions.

    >>> float(removed(jnp.array(0.5), jnp.array(0.3)))
    0.1599999964237213
    """
    return (sigma - below) * (sigma + below)
