"""Denoising score matching.

A scaled-score network f(x, sigma) estimates sigma times the score of the data
convolved with N(0, sigma^2). Denoising score matching weighted by sigma^2 is

    1/2 |f(x + sigma z, sigma) + z|^2,    z ~ N(0, I),

which is the loss of NCSNv2 with `anneal_power` 2, in either parametrisation.

Source: Vincent 2011; Song and Ermon 2019, arXiv 1907.05600, eq. 5 and 6;
Song and Ermon 2020, arXiv 2006.09011.
"""

import jax
from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks
from purifax.types import ScaledScore, expect, floating

__all__ = ["denoise", "dsm_continuous", "dsm_ladder", "dsm_single"]


@checks.checked()
def denoise(z: Array, x: Array, f: ScaledScore, sigma: Array | float) -> Array:
    """1/2 |f(x + sigma z, sigma) + z|^2 for the unit noise z.

    Args:
        z: unit noise, like x.
        x: clean image [H, W, C].
        f: scaled-score network.
        sigma: noise level [], in [0, 1] pixel units.

    Returns:
        Scalar, summed over pixels. A network that outputs zero scores d / 2.

    Raises:
        ValueError: x is not floating, sigma not a scalar, or z or the network's output
            not like x.

    >>> import jax.numpy as jnp
    >>> denoise(jnp.ones((2, 2, 1)), jnp.zeros((2, 2, 1)), lambda x, s: -x, 1.0)
    Array(0., dtype=float32)
    """
    floating(x)
    expect("`z`", z, x.shape, float)
    expect("`sigma`", sigma, (), hint="The losses are of one image.")
    sigma = jnp.asarray(sigma, x.dtype)
    found = f(x + sigma * z, sigma)
    expect("The output of the network for one image", found, x.shape)
    residual = found + z
    return 0.5 * jnp.sum(jnp.square(residual))


@checks.checked()
def dsm_single(key: Array, x: Array, f: ScaledScore, sigma: Array | float) -> Array:
    """Denoising score matching at one noise level (Vincent 2011).

    >>> import jax, jax.numpy as jnp
    >>> zero = lambda x, s: 0 * x
    >>> loss = dsm_single(jax.random.key(0), jnp.zeros((8, 8, 1)), zero, 1.0)
    >>> bool(20 < loss < 50)
    True
    """
    return denoise(jax.random.normal(key, x.shape, x.dtype), x, f, sigma)


@checks.checked()
def dsm_ladder(key: Array, x: Array, f: ScaledScore, sigmas: Array) -> Array:
    """Denoising score matching at a level drawn uniformly from a ladder.

    Args:
        sigmas: [L]; the published CIFAR-10 ladder is geometric, 50 to 0.01, L = 232.

    Source: Song and Ermon 2020, arXiv 2006.09011, section 3.

    >>> import jax, jax.numpy as jnp
    >>> ladder = jnp.array([1.0, 0.1])
    >>> dsm_ladder(jax.random.key(0), jnp.zeros((2, 2, 1)), lambda x, s: -x / s, ladder)
    Array(0., dtype=float32)
    """
    expect("`sigmas`", sigmas, (None,))
    k_level, k_noise = jax.random.split(key)
    level = jax.random.randint(k_level, (), 0, sigmas.shape[0], jnp.int32)
    chosen = jnp.sum(jnp.where(jnp.arange(sigmas.shape[0]) == level, sigmas, 0.0))
    return dsm_single(k_noise, x, f, chosen.astype(x.dtype))


@checks.checked()
def dsm_continuous(
    key: Array,
    x: Array,
    f: ScaledScore,
    smallest: Array | float,
    largest: Array | float,
) -> Array:
    """Denoising score matching with log sigma uniform in [log smallest, log largest].

    >>> import jax, jax.numpy as jnp
    >>> f = lambda x, s: -x / s
    >>> loss = dsm_continuous(jax.random.key(0), jnp.zeros((2, 2, 1)), f, 0.01, 1.0)
    >>> bool(loss < 1e-9)
    True
    """
    k_level, k_noise = jax.random.split(key)
    low, high = jnp.log(jnp.asarray(smallest)), jnp.log(jnp.asarray(largest))
    sigma = jnp.exp(jax.random.uniform(k_level, (), x.dtype, low, high))
    return dsm_single(k_noise, x, f, sigma)
