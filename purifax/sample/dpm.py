"""DPM-Solver++ (2M): a multistep exponential integrator for the probability flow.

With x the noised image over its scale, D the denoised image and lambda = -log sigma
(up to a constant, the log of their alpha / sigma), h = log(sigma / below) and
r = below / sigma = exp(-h),

    x <- r x + (1 - r) (D + h / (2 h_before) (D - D_before))

is algorithm 2 of Lu et al. divided by alpha. The first step, and a step to level 0,
where h is infinite, omit the difference: they are DDIM steps.

Source: Lu et al. 2022, arXiv 2211.01095, eq. 9 and algorithm 2.
"""

from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import schedule
from purifax.score import denoise
from purifax.transform import remat
from purifax.types import Score

__all__ = ["dpm_solver", "dpm_solver_step"]


@checks.checked(above=checks.at_least_zero)
def dpm_solver_step(
    x: Array,
    denoised: Array,
    before: Array,
    sigma: Array | float,
    below: Array | float,
    above: Array | float,
) -> Array:
    """One step from level sigma down to level `below`.

    Args:
        denoised: `score.denoise(x, sigma, score)`.
        before: the denoised image of the previous step, which started at `above`.
        above: level of the previous step; sigma itself makes the step first order.

    >>> dpm_solver_step(jnp.ones(()), jnp.zeros(()), jnp.zeros(()), 2.0, 1.0, 4.0)
    Array(0.5, dtype=float32)
    """
    sigma, below, above = (jnp.asarray(s, x.dtype) for s in (sigma, below, above))
    usable = (above > sigma) & (below > 0)
    h = jnp.log(sigma / jnp.where(usable, below, sigma))
    h_before = jnp.log(jnp.where(usable, above / sigma, 2.0))
    slope = (denoised - before) * (0.5 * h / h_before)
    r = below / sigma
    return r * x + (1 - r) * (denoised + slope)


@checks.checked(sigmas=checks.listed)
def dpm_solver(
    key: Array,
    x: Array,
    score: Score,
    sigmas: Array,
    *,
    scan: remat.Scan = Partial(remat.auto),
) -> tuple[Array, Array]:
    """DPM-Solver++ (2M); order 2 with one call of the score per step.

    Args:
        key: not used.
        sigmas: [T + 1], decreasing; published evenly spaced in log sigma, or in the
            time of the process.
        scan: what the gradient keeps, see `transform.remat`.

    Returns:
        The last state, and the path [T + 1, ...], both over the scale.

    Raises:
        ValueError: the levels increase, or are not levels.

    >>> import jax
    >>> from purifax.score import Gaussian
    >>> x, levels = jnp.zeros(()), jnp.array([1.0, 0.5, 0.0])
    >>> dpm_solver(jax.random.key(0), x, Gaussian(0.5, 0.0), levels)[1].tolist()
    [0.0, 0.25, 0.5]
    """
    del key
    levels = schedule.falling(sigmas).astype(x.dtype)

    def step(
        carry: tuple[Array, Array], at: tuple[Array, Array, Array]
    ) -> tuple[tuple[Array, Array], Array]:
        (x, before), (above, sigma, below) = carry, at
        denoised = denoise(x, sigma, score)
        x = dpm_solver_step(x, denoised, before, sigma, below, above)
        return (x, denoised), x

    above = jnp.concatenate([levels[:1], levels[:-2]])
    (last, _), path = scan(step, (x, x), (above, levels[:-1], levels[1:]))
    return last, jnp.concatenate([x[None], path])
