"""Adam on one image, differentiable through and through.

    m <- b1 m + (1 - b1) g            v <- b2 v + (1 - b2) g^2
    x <- x - step (m / (1 - b1^i)) / (sqrt(v / (1 - b2^i)) + tiny)

Where a gradient is zero the root's derivative is taken as zero, so that the exact
gradient through the optimiser is finite.

Source: Kingma and Ba 2015, arXiv 1412.6980, algorithm 1.
"""

from jax import Array
from jax import numpy as jnp

__all__ = ["State", "adam_step", "resting"]

State = tuple[Array, Array, Array]
"""x, m and v."""


def resting(x: Array) -> State:
    """The state before the first step.

    >>> [float(part) for part in resting(jnp.ones(()))]
    [1.0, 0.0, 0.0]
    """
    return x, 0 * x, 0 * x


def adam_step(
    state: State,
    g: Array,
    i: Array | int,
    step_size: Array | float,
    *,
    first: float = 0.9,
    second: float = 0.999,
    tiny: float = 1e-8,
) -> State:
    """Step i, counted from 1, down the gradient g.

    >>> x, _, _ = adam_step(resting(jnp.ones(())), jnp.array(7.0), 1, 0.25)
    >>> round(float(x), 4)
    0.75
    """
    x, m, v = state
    count = jnp.asarray(i, x.dtype)
    m = first * m + (1 - first) * g
    v = second * v + (1 - second) * jnp.square(g)
    mean, square = m / (1 - first**count), v / (1 - second**count)
    usable = square > 0
    root = jnp.where(usable, jnp.sqrt(jnp.where(usable, square, 1.0)), 0.0)
    return x - jnp.asarray(step_size, x.dtype) * mean / (root + tiny), m, v
