"""The variational bound of DDPM, and the objective of learned variances.

With x the noised image over its scale, the true step of the chain from level sigma to
`below`, given the clean image x0, and the network's step are Gaussians with the means

    x0 + r (x - x0)    and    D + r (x - D),    r = (below / sigma)^2

and the variances small = below^2 (1 - r) and v. The bound's term is their divergence

    L = 1/2 sum log(v / small) + (small + (1 - r)^2 |x0 - D|^2) / v - 1

and, for the step to the clean image, minus the log probability of x0 among 256 levels
under N(D, v). A network's fraction p gives v = large^p small^(1 - p); at the last step,
small is that of the step before it, as published. Divergences do not depend on the
scale, so these are the published numbers.

Source: Ho et al. 2020, arXiv 2006.11239, eq. 5, 6, 7 and 13; Nichol and Dhariwal 2021,
arXiv 2102.09672, section 3.1.
"""

import math
from collections.abc import Callable

import jax
from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks
from purifax.loss.diffusion import random_place
from purifax.noise import Process

__all__ = ["bound_term", "hybrid"]

_LEVEL = 1 / 255


@checks.checked(weight=checks.at_least_zero)
def hybrid(
    key: Array,
    x: Array,
    network: Callable[[Array, Array], tuple[Array, Array]],
    noise: Process,
    times: Array,
    *,
    weight: Array | float = 1e-3,
    width: Array | float = 2.0,
) -> Array:
    """`simple` plus `weight` times the bound, which trains the variances only.

    The bound is estimated by T times its term at the sampled time, in bits as in
    OpenAI's code. Its denoised image is a constant to the gradient.

    Args:
        network: `(x, sigma) -> (f, p)`, the scaled score and the fraction in [0, 1],
            both like x.
        times: [T], increasing, T at least 2: all labels of `noise.VPDiscrete`.
        weight: the paper's lambda, for the whole bound relative to a mean over pixels.
        width: of the pixel range in which the process is variance preserving.

    Source: Nichol and Dhariwal 2021, arXiv 2102.09672, eq. 15 and 16.

    >>> from purifax.noise import VPDiscrete
    >>> x, times = jnp.full((2, 2, 1), 0.5), jnp.arange(1000)
    >>> network = lambda x, sigma: ((0.5 - x) / sigma, jnp.zeros_like(x))
    >>> bool(hybrid(jax.random.key(1), x, network, VPDiscrete(), times) < 1e-4)
    True
    """
    k_time, k_noise = jax.random.split(key)
    place = random_place(k_time, times)
    sigma = noise.sigma(times[place]).astype(x.dtype)
    z = jax.random.normal(k_noise, x.shape, x.dtype)
    noised = x + sigma * z
    f, fraction = network(noised, sigma)
    denoised = jax.lax.stop_gradient(noised + sigma * f)
    bits = bound_term(x, denoised, fraction, noise, times, place, width=width)
    share = 0.5 * weight * times.shape[0] / math.log(2)
    return 0.5 * jnp.sum(jnp.square(f + z)) + share * bits


@checks.checked()
def bound_term(
    x: Array,
    denoised: Array,
    fraction: Array,
    noise: Process,
    times: Array,
    place: Array | int,
    *,
    width: Array | float = 2.0,
) -> Array:
    """The term of the bound at one time, in nats, summed over pixels.

    Args:
        x: clean image [H, W, C].
        denoised: the network's estimate of it from the noised image, like x.
        fraction: position of the logarithm of the variance between that of `small` (0)
            and that of `large` (1); like x, or [].
        times: [T], increasing; T at least 2.
        place: int [], the position in `times` of the noised image; 0 is the step to the
            clean image.
        width: of the pixel range in which the process is variance preserving.

    >>> from purifax.noise import VPDiscrete
    >>> x, times = jnp.full((2, 2, 1), 0.5), jnp.arange(1000)
    >>> bool(abs(bound_term(x, x, 0.0, VPDiscrete(), times, 9)) < 1e-6)
    True
    """
    levels = noise.sigma(times).astype(x.dtype)
    sigma, below = levels[place], jnp.where(place > 0, levels[place - 1], 0.0)
    kept = jnp.square(below / sigma)
    shrunk = (1 + jnp.square(width * below)) / (1 + jnp.square(width * sigma))
    large = jnp.square(sigma) * (1 - kept) * shrunk
    # At the last step the posterior has no variance; that of the step before it is
    # used, in units of the scale there.
    first, second = levels[0], levels[1]
    shared = jnp.square(first) * (1 - jnp.square(first / second))
    shared = shared / (1 + jnp.square(width * first))
    small = jnp.where(place > 0, jnp.square(below) * (1 - kept), shared)
    log_v = fraction * jnp.log(large) + (1 - fraction) * jnp.log(small)

    gap = jnp.square((1 - kept) * (x - denoised))
    apart = log_v - jnp.log(small) + (small + gap) * jnp.exp(-log_v) - 1
    end = -_log_probability(x, denoised, log_v)
    return jnp.sum(jnp.where(place > 0, 0.5 * apart, end))


def _log_probability(x: Array, mean: Array, log_variance: Array) -> Array:
    """Log probability of 8-bit pixels under a Gaussian; the end levels have its tails.

    The difference of the distribution function between the two edges of a level, taken
    in the tail where both are small, so that float32 keeps it.
    """
    deviation = jnp.exp(0.5 * log_variance)
    low = jnp.where(x < 0.5 * _LEVEL, -jnp.inf, (x - mean - 0.5 * _LEVEL) / deviation)
    high = jnp.where(
        x > 1 - 0.5 * _LEVEL, jnp.inf, (x - mean + 0.5 * _LEVEL) / deviation
    )
    mirrored = low > 0
    low, high = jnp.where(mirrored, -high, low), jnp.where(mirrored, -low, high)
    least = 1e-12
    mass = jax.scipy.special.ndtr(high) - jax.scipy.special.ndtr(low)
    return jnp.log(jnp.maximum(mass, least))
