"""Unadjusted Langevin dynamics, at one noise level or down a ladder of them.

    x <- x + step score(x, sigma) + sqrt(2 step temperature) z

Source: Welling and Teh 2011; Song and Ermon 2020, arXiv 2006.09011, algorithm 1.
"""

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import schedule
from purifax.score import denoise
from purifax.transform import remat
from purifax.types import Score

__all__ = ["annealed_langevin", "langevin", "langevin_step"]


@checks.checked()
def langevin_step(
    key: Array,
    x: Array,
    score: Score,
    sigma: Array | float,
    step_size: Array | float,
    *,
    temperature: Array | float = 1.0,
) -> Array:
    """One step of unadjusted Langevin dynamics.

    >>> import jax, jax.numpy as jnp
    >>> key, x = jax.random.key(0), jnp.ones((1, 1, 1))
    >>> langevin_step(key, x, lambda x, s: -x, 0.1, 0.5, temperature=0.0)
    Array([[[0.5]]], dtype=float32)
    """
    sigma, step = jnp.asarray(sigma, x.dtype), jnp.asarray(step_size, x.dtype)
    heat = jnp.sqrt(2.0 * step * jnp.asarray(temperature, x.dtype))
    z = jax.random.normal(key, x.shape, x.dtype)
    return x + step * score(x, sigma) + heat * z


@checks.checked()
def langevin(
    key: Array,
    x: Array,
    score: Score,
    sigmas: Array,
    step_sizes: Array,
    *,
    temperature: Array | float = 1.0,
    scan: remat.Scan = Partial(remat.auto),
) -> tuple[Array, Array]:
    """Unadjusted Langevin dynamics, one step per entry of the schedule.

    The bias of the stationary distribution is of the order of the step size. Step i
    draws its noise from `fold_in(key, i)`: a longer schedule with the same beginning
    passes through the same states.

    Args:
        sigmas: [T], the level given to the score at each step.
        step_sizes: [T].
        temperature: 0 is gradient ascent on log p, 1 samples from p.
        scan: what the gradient keeps, see `transform.remat`.

    Returns:
        The last state, and the path [T + 1, ...].

    >>> import jax, jax.numpy as jnp
    >>> key, x, steps = jax.random.key(0), jnp.ones((1, 1, 1)), jnp.full(3, 0.5)
    >>> x, path = langevin(key, x, lambda x, s: -x, steps, steps, temperature=0.0)
    >>> path.ravel().tolist()
    [1.0, 0.5, 0.25, 0.125]
    """

    def step(x: Array, at: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        i, sigma, size = at
        key_i = jax.random.fold_in(key, i)
        x = langevin_step(key_i, x, score, sigma, size, temperature=temperature)
        return x, x

    steps = (jnp.arange(sigmas.shape[0]), *schedule.paired(sigmas, step_sizes))
    last, path = scan(step, x, steps)
    return last, jnp.concatenate([x[None], path])


@checks.checked()
def annealed_langevin(
    key: Array,
    x: Array,
    score: Score,
    sigmas: Array,
    step_sizes: Array,
    *,
    scan: remat.Scan = Partial(remat.auto),
) -> tuple[Array, Array]:
    """Langevin dynamics down a ladder of levels, then one denoising step.

    Args:
        sigmas: [T], decreasing; repeat an entry for several steps at one level (NCSNv2
            takes 5: `jnp.repeat(sigmas, 5)`).
        step_sizes: [T], see `schedule.langevin_steps`.
        scan: what the gradient keeps, see `transform.remat`.

    Returns:
        The last state denoised by Tweedie's formula, and the path before that, [T + 1,
        ...].

    Source: Song and Ermon 2020, arXiv 2006.09011, algorithm 1 and section 3.

    >>> import jax, jax.numpy as jnp
    >>> from purifax.score import Gaussian
    >>> key, x, s = jax.random.key(0), jnp.zeros((1, 1, 1)), jnp.array([1.0, 0.1])
    >>> x, path = annealed_langevin(key, x, Gaussian(0.5, 0.0), s, s**2 / 2)
    >>> float(x[0, 0, 0].round(5))
    0.5
    """
    last, path = langevin(key, x, score, sigmas, step_sizes, scan=scan)
    return denoise(last, sigmas[-1], score), path
