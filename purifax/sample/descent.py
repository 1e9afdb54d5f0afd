"""The loop that samplers share: one step between each two neighbouring levels."""

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
        """x at the level `below`."""
        ...


def descend(
    key: Array, x: Array, step: Step, sigmas: Array, scan: remat.Scan
) -> tuple[Array, Array]:
    """Takes `step` from each of the levels to the next, step i with `fold_in(key, i)`.

    Args:
        sigmas: [T + 1], falling; where they start and end is free.
        scan: what the gradient keeps, see `transform.remat`.

    Returns:
        The last state, and the path [T + 1, ...].

    Raises:
        ValueError: the levels rise, or are no levels.

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

    As a product it is zero between equal levels, whatever the compiler contracts.

    >>> float(removed(jnp.array(0.5), jnp.array(0.3)))
    0.1599999964237213
    """
    return (sigma - below) * (sigma + below)
