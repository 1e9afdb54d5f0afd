"""Noise prediction under a noise process, in the published weightings.

With eps = -f(x + sigma z, sigma) the noise estimated by the network,

    simple, continuous   1/2 |z - eps|^2
    min_snr              1/2 |z - eps|^2 min(snr, cap) / snr
    edm                  1/2 |D - x|^2 (sigma^2 + spread^2) / (sigma spread)^2

for sigma = sigma(t) with t drawn from the times of a process, or for sigma itself drawn
at random, with snr = 1 / (width sigma)^2. D = x + sigma f is the denoised image, so
that EDM's is 1/2 |z - eps|^2 (1 + (sigma / spread)^2).

Source: Ho et al. 2020, arXiv 2006.11239, eq. 14 (simple); Song et al. 2021, arXiv
2011.13456, eq. 7 (continuous); Hang et al. 2023, arXiv 2303.09556 (min_snr); Karras et
al. 2022, arXiv 2206.00364, eq. 2 and 108 and table 1 (edm).
"""

import jax
from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks
from purifax.loss.matching import dsm_single
from purifax.noise import Process
from purifax.types import ScaledScore, expect

__all__ = ["continuous", "edm", "min_snr", "random_place", "simple"]


@checks.checked()
def simple(key: Array, x: Array, f: ScaledScore, noise: Process, times: Array) -> Array:
    """Noise prediction at a time drawn uniformly from a table.

    Args:
        times: [T], all labels of `noise.VPDiscrete`: `jnp.arange(1000)`.

    Source: Ho et al. 2020, arXiv 2006.11239, eq. 14.

    >>> from purifax.noise import VPDiscrete
    >>> f, times = (lambda x, sigma: (0.5 - x) / sigma), jnp.arange(1000)
    >>> x = jnp.full((2, 2, 1), 0.5)
    >>> bool(simple(jax.random.key(0), x, f, VPDiscrete(), times) < 1e-6)
    True
    """
    k_time, k_noise = jax.random.split(key)
    t = times[random_place(k_time, times)]
    return dsm_single(k_noise, x, f, noise.sigma(t).astype(x.dtype))


@checks.checked(earliest=checks.at_least_zero, latest=checks.at_least_zero)
def continuous(
    key: Array,
    x: Array,
    f: ScaledScore,
    noise: Process,
    *,
    earliest: Array | float = 1e-5,
    latest: Array | float = 1.0,
) -> Array:
    """Noise prediction at a time drawn uniformly from [earliest, latest].

    The defaults are those of Song et al. for the variance-preserving process.

    Source: Song et al. 2021, arXiv 2011.13456, eq. 7 with lambda(t) the variance.

    >>> from purifax.noise import VP
    >>> f, x = (lambda x, sigma: (0.5 - x) / sigma), jnp.full((2, 2, 1), 0.5)
    >>> bool(continuous(jax.random.key(0), x, f, VP()) < 1e-4)
    True
    """
    k_time, k_noise = jax.random.split(key)
    t = jax.random.uniform(k_time, (), x.dtype, earliest, latest)
    return dsm_single(k_noise, x, f, noise.sigma(t).astype(x.dtype))


@checks.checked(cap=checks.positive)
def min_snr(
    key: Array,
    x: Array,
    f: ScaledScore,
    noise: Process,
    times: Array,
    *,
    cap: Array | float = 5.0,
    width: Array | float = 2.0,
) -> Array:
    """`simple` with less weight at low noise: min(snr, cap) / snr.

    Args:
        times: [T], as in `simple`.
        cap: the paper's gamma.
        width: of the pixel range in which the snr is defined.

    Source: Hang et al. 2023, arXiv 2303.09556, section 3.4, for noise prediction.

    >>> from purifax.noise import VP
    >>> key, x, zero = jax.random.key(0), jnp.ones((2, 2, 1)), lambda x, sigma: 0 * x
    >>> times = VP().time(jnp.array([0.1]))  # snr 25
    >>> ratio = min_snr(key, x, zero, VP(), times) / simple(key, x, zero, VP(), times)
    >>> round(float(ratio), 4)
    0.2
    """
    k_time, k_noise = jax.random.split(key)
    sigma = noise.sigma(times[random_place(k_time, times)]).astype(x.dtype)
    weight = jnp.minimum(1.0, cap * jnp.square(width * sigma))
    return weight.astype(x.dtype) * dsm_single(k_noise, x, f, sigma)


@checks.checked(deviation=checks.at_least_zero, spread=checks.positive)
def edm(
    key: Array,
    x: Array,
    f: ScaledScore,
    *,
    mean: Array | float = -1.2,
    deviation: Array | float = 1.2,
    spread: Array | float = 0.5,
    width: Array | float = 2.0,
) -> Array:
    """EDM's loss: log sigma is normal, and all levels weigh alike at initialisation.

    The numbers are the paper's, for images in [-1, 1]: `width` times those in [0, 1].

    Args:
        mean, deviation: of log(width sigma).
        spread: standard deviation of the data.
        width: of the pixel range of these numbers.

    Source: Karras et al. 2022, arXiv 2206.00364, table 1.

    >>> f = lambda x, sigma: (0.5 - x) / sigma
    >>> bool(edm(jax.random.key(0), jnp.full((2, 2, 1), 0.5), f) < 1e-4)
    True
    """
    k_level, k_noise = jax.random.split(key)
    z = jax.random.normal(k_level, (), x.dtype)
    wide = jnp.exp(jnp.asarray(mean + deviation * z, x.dtype))
    weight = 1 + jnp.square(wide / spread)
    return weight.astype(x.dtype) * dsm_single(k_noise, x, f, wide / width)


@checks.checked()
def random_place(key: Array, times: Array) -> Array:
    """A position in a table, uniform, [].

    >>> int(random_place(jax.random.key(0), jnp.arange(1)))
    0
    """
    expect("`times`", times, (None,))
    return jax.random.randint(key, (), 0, times.shape[0], jnp.int32)
