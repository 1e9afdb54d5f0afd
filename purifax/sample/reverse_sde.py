"""The reverse SDE by the Euler-Maruyama method, in sigma^2 or in a process's time.

With x the noised image over its scale, every linear process is Brownian motion in
v = sigma^2, and so has one reverse SDE, with v falling:

    dx = -score(x, sigma) dv + dw,    x <- x + (sigma^2 - below^2) score + sqrt(.) z

(`sde`, the "reverse diffusion" predictor of Song et al. for VE). The same method in the
time of a process, as DiffPure and score_sde discretise VP,

    u = a(t) (x - centre),  f = (log a)',  g^2 = a^2 (sigma^2)'
    u <- u - dt (f u - g^2 score_u) + g sqrt(dt) z,    score_u = score / a

takes other finite steps, with the same limit (`sde_in_time`).

Source: Song et al. 2021, arXiv 2011.13456, eq. 6 and 46; Nie et al. 2022,
arXiv 2205.07460, eq. 6.
"""

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import schedule
from purifax.noise import Process
from purifax.noise.process import root
from purifax.sample.descent import descend, removed
from purifax.transform import remat
from purifax.types import Score

__all__ = ["sde", "sde_in_time", "sde_in_time_step", "sde_step"]


@checks.checked()
def sde_step(
    key: Array, x: Array, score: Score, sigma: Array | float, below: Array | float
) -> Array:
    """One step from level sigma down to level `below`; adds no noise if that is 0.

    >>> x, to_zero = jnp.ones((1, 1, 1)), lambda x, sigma: -x / sigma**2
    >>> sde_step(jax.random.key(0), x, to_zero, 2.0, 0.0).tolist()
    [[[0.0]]]
    """
    sigma, below = jnp.asarray(sigma, x.dtype), jnp.asarray(below, x.dtype)
    lost = removed(sigma, below)
    z = jax.random.normal(key, x.shape, x.dtype)
    return x + lost * score(x, sigma) + jnp.where(below > 0, root(lost), 0.0) * z


@checks.checked(sigmas=checks.listed)
def sde(
    key: Array,
    x: Array,
    score: Score,
    sigmas: Array,
    *,
    scan: remat.Scan = Partial(remat.auto),
) -> tuple[Array, Array]:
    """The reverse SDE by the Euler-Maruyama method in sigma^2; order 1.

    Args:
        sigmas: [T + 1], decreasing.
        scan: what the gradient keeps, see `transform.remat`.

    Returns:
        The last state, and the path [T + 1, ...], both over the scale.

    >>> from purifax.score import Gaussian
    >>> key, x = jax.random.key(0), jnp.zeros((1, 1, 1))
    >>> x, path = sde(key, x, Gaussian(0.5, 0.0), jnp.array([1.0, 0.1, 0.0]))
    >>> round(float(x[0, 0, 0]), 5)
    0.5
    """

    def step(key: Array, x: Array, sigma: Array, below: Array) -> Array:
        return sde_step(key, x, score, sigma, below)

    return descend(key, x, step, sigmas, scan)


@checks.checked()
def sde_in_time_step(
    key: Array,
    u: Array,
    score: Score,
    noise: Process,
    time: Array | float,
    later: Array | float,
    *,
    centre: Array | float = 0.5,
) -> Array:
    """One step of the scaled, centred image from `time` to `later`, nearer to clean.

    Args:
        u: a(time) (x - centre).

    >>> from purifax.noise import VP
    >>> u, nothing = jnp.ones((1, 1, 1)), lambda x, sigma: 0 * x
    >>> sde_in_time_step(jax.random.key(0), u, nothing, VP(), 0.5, 0.5).tolist()
    [[[1.0]]]
    """
    time, later = jnp.asarray(time, u.dtype), jnp.asarray(later, u.dtype)
    one = jnp.ones_like(time)
    scale, rising = jax.jvp(lambda t: noise.scale(t).astype(u.dtype), (time,), (one,))
    sigma, widening = jax.jvp(lambda t: noise.sigma(t).astype(u.dtype), (time,), (one,))
    squared = 2 * jnp.square(scale) * sigma * widening
    dt = time - later
    drift = rising / scale * u - squared * score(u / scale + centre, sigma) / scale
    heat = root(squared * dt)
    return u - dt * drift + heat * jax.random.normal(key, u.shape, u.dtype)


@checks.checked()
def sde_in_time(
    key: Array,
    x: Array,
    score: Score,
    noise: Process,
    times: Array,
    *,
    centre: Array | float = 0.5,
    scan: remat.Scan = Partial(remat.auto),
) -> tuple[Array, Array]:
    """The reverse SDE by the Euler-Maruyama method in the time of a process.

    DiffPure takes `VP()` and `times` from 0.1 to 1e-5 in 100 steps. Noise is added at
    every step, the last one included, as published.

    Args:
        x: the noised image over the scale, as everywhere.
        times: [T + 1], decreasing, floats.
        centre: the value in [0, 1] that the process pulls images to.
        scan: what the gradient keeps, see `transform.remat`.

    Returns:
        The last state, and the path [T + 1, ...], both over the scale.

    Raises:
        ValueError: the times increase.

    >>> from purifax.noise import VP
    >>> from purifax.score import Gaussian
    >>> key, x, times = jax.random.key(0), jnp.zeros((1, 1, 1)), jnp.array([0.1, 1e-5])
    >>> sde_in_time(key, x, Gaussian(0.5, 0.0), VP(), times)[1].shape
    (2, 1, 1, 1)
    """
    times = schedule.falling(times).astype(x.dtype)

    def step(u: Array, at: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        i, time, later = at
        key_i = jax.random.fold_in(key, i)
        u = sde_in_time_step(key_i, u, score, noise, time, later, centre=centre)
        return u, u / noise.scale(later).astype(x.dtype) + centre

    u = noise.scale(times[0]).astype(x.dtype) * (x - centre)
    _, path = scan(step, u, (jnp.arange(times.shape[0] - 1), times[:-1], times[1:]))
    return path[-1], jnp.concatenate([x[None], path])
