"""The states of diffusion purification, from the noised image to the clean end."""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import sample
from purifax.noise import Process, gaussian
from purifax.transform import remat
from purifax.types import Score

__all__ = ["Sampler", "diffuse_in_time_path", "diffuse_path", "forward_path"]


Sampler = Callable[..., tuple[Array, Any]]
"""`sampler(key, x, score, sigmas, scan=scan) -> (x, path)`, as a `Partial`."""


@checks.checked(x=checks.in_scale, sigmas=checks.listed)
def diffuse_path(
    key: Array,
    x: Array,
    score: Score,
    sigmas: Array,
    *,
    sampler: Sampler = Partial(sample.sde),
    scan: remat.Scan = Partial(remat.auto),
) -> Array:
    """Every state of `diffuse_from`, [T + 1, H, W, C]; the last one is clipped.

    States are over the scale of the process: the image plus noise of each level.

    >>> from purifax.score import Gaussian
    >>> x, levels = jnp.full((2, 2, 1), 0.4), jnp.array([0.2, 0.1, 0.0])
    >>> diffuse_path(jax.random.key(0), x, Gaussian(0.6, 0.0), levels).shape
    (3, 2, 2, 1)
    """
    k_noise, k_sample = jax.random.split(key)
    noised = gaussian(k_noise, x, sigmas[0])
    return _clipped(*sampler(k_sample, noised, score, sigmas, scan=scan))


@checks.checked(x=checks.in_scale, sigmas=checks.listed)
def forward_path(key: Array, x: Array, sigmas: Array) -> Array:
    """x + sigma z at every level, [T + 1, H, W, C], with the noise of `diffuse_path`.

    Where the states of a purifier belong that leaves the image as it was: the reference
    of DiffAttack's deviation.

    >>> from purifax.score import Gaussian
    >>> key, x, levels = jax.random.key(0), jnp.zeros((2, 2, 1)), jnp.array([0.2, 0.0])
    >>> path = diffuse_path(key, x, Gaussian(0.6, 0.0), levels)
    >>> bool((path[0] == forward_path(key, x, levels)[0]).all())
    True
    """
    k_noise, _ = jax.random.split(key)
    return jax.vmap(lambda sigma: gaussian(k_noise, x, sigma))(sigmas)


def _clipped(last: Array, path: Array) -> Array:
    return jnp.concatenate([path[:-1], jnp.clip(last, 0.0, 1.0)[None]])


@checks.checked(x=checks.in_scale)
def diffuse_in_time_path(
    key: Array,
    x: Array,
    score: Score,
    noise: Process,
    times: Array,
    *,
    scan: remat.Scan = Partial(remat.auto),
) -> Array:
    """Every state of `diffuse_in_time`, [T + 1, H, W, C]; the last one is clipped.

    >>> from purifax.noise import VP
    >>> from purifax.score import Gaussian
    >>> key, x, times = jax.random.key(0), jnp.zeros((2, 2, 1)), jnp.array([0.1, 1e-5])
    >>> diffuse_in_time_path(key, x, Gaussian(0.6, 0.0), VP(), times).shape
    (2, 2, 2, 1)
    """
    k_noise, k_sample = jax.random.split(key)
    noised = gaussian(k_noise, x, noise.sigma(times[0]))
    states = sample.sde_in_time(k_sample, noised, score, noise, times, scan=scan)
    return _clipped(*states)
