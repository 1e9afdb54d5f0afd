"""The factors that make a denoiser of a network: c_skip, c_out, c_in and c_noise.

    D(x, sigma) = c_skip x + c_out F(c_in x, c_noise)

for images in [-1, 1]. Source: Karras et al. 2022, arXiv 2206.00364, table 1.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

__all__ = ["log", "precondition"]


def precondition(
    kind: str, sigma: Array, spread: float
) -> tuple[Array, Array, Array, Array]:
    """(c_skip, c_out, c_in, c_noise), each like sigma.

    Args:
        kind: "edm", "vp", "ve" or "iddpm".
        sigma: levels, [N], float32.
        spread: standard deviation of the data, for "edm".

    Raises:
        ValueError: an unknown kind.

    >>> [float(c[0]) for c in precondition("ve", jnp.array([2.0]), 0.5)]
    [1.0, 2.0, 1.0, 0.0]
    """
    one = jnp.ones_like(sigma)
    square = jnp.square(sigma)
    if kind == "edm":
        total = square + spread**2
        root = jnp.sqrt(total)
        return spread**2 / total, sigma * spread / root, 1 / root, log(sigma) / 4
    if kind == "vp":
        # The inverse of sigma(t) for betas from 0.1 to 20, with labels up to 999.
        first, slope = 0.1, 19.9
        t = (jnp.sqrt(first**2 + 2 * slope * jnp.log1p(square)) - first) / slope
        return one, -sigma, 1 / jnp.sqrt(square + 1), 999 * t
    if kind == "ve":
        return one, sigma, one, log(sigma / 2)
    if kind == "iddpm":
        levels = jnp.asarray(_improved(), jnp.float32)
        nearest = jnp.argmin(jnp.abs(levels[:, None] - sigma[None]), axis=0)
        label = (len(levels) - 2 - nearest).astype(jnp.float32)
        return one, -sigma, 1 / jnp.sqrt(square + 1), label
    known = '"edm", "vp", "ve" or "iddpm"'
    raise ValueError(f"`preconditioning` must be {known}; got {kind!r}.")


def log(sigma: Array) -> Array:
    """log sigma, finite at zero, where it is far below every trained level."""
    return jnp.log(jnp.maximum(sigma.astype(jnp.float32), 1e-6))


def _improved(
    count: int = 1000, least: float = 0.001, offset: float = 0.008
) -> np.ndarray:
    """The falling levels u_0 ... u_count of improved DDPM's cosine chain."""
    steps = np.arange(count + 1) / count / (offset + 1)
    kept = np.sin(np.pi / 2 * steps) ** 2
    levels = np.zeros(count + 1)
    for j in range(count, 0, -1):
        ratio = max(kept[j - 1] / kept[j], least)
        levels[j - 1] = np.sqrt((levels[j] ** 2 + 1) / ratio - 1)
    return levels
