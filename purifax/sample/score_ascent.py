"""Plain score ascent: Langevin dynamics without its noise.

x <- x + step score(x, sigma)
"""

from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import schedule
from purifax.transform import remat
from purifax.types import Score

__all__ = ["ascend", "ascend_step"]


@checks.checked()
def ascend_step(
    x: Array, score: Score, sigma: Array | float, step_size: Array | float
) -> Array:
    """One step up the density.

    >>> ascend_step(jnp.ones(()), lambda x, s: -x, 0.1, 0.5)
    Array(0.5, dtype=float32)
    """
    sigma, step = jnp.asarray(sigma, x.dtype), jnp.asarray(step_size, x.dtype)
    return x + step * score(x, sigma)


@checks.checked()
def ascend(
    x: Array,
    score: Score,
    sigmas: Array,
    step_sizes: Array,
    *,
    scan: remat.Scan = Partial(remat.auto),
) -> tuple[Array, Array]:
    """Score ascent, one step per entry of the schedule; deterministic.

    Args:
        sigmas: [T], the level given to the score at each step.
        step_sizes: [T].
        scan: what the gradient keeps, see `transform.remat`.

    Returns:
        The last state, and the path [T + 1, ...].

    >>> steps = jnp.full(2, 0.5)
    >>> ascend(jnp.ones(()), lambda x, s: -x, steps, steps)[1].tolist()
    [1.0, 0.5, 0.25]
    """

    def step(x: Array, at: tuple[Array, Array]) -> tuple[Array, Array]:
        x = ascend_step(x, score, *at)
        return x, x

    last, path = scan(step, x, schedule.paired(sigmas, step_sizes))
    return last, jnp.concatenate([x[None], path])
