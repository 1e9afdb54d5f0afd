"""Detect, then purify: little noise for an image that already looks natural.

The length of the scaled score |f(x)|_2 of the image as it came is large for attacked
and corrupted images. Above a threshold the image gets the full noise, below it a
fraction. Calibrate the threshold on clean validation images: |f| scales with the
square root of the image size and with the network.

Source: Yoon et al. 2021, arXiv 2106.06041, appendix on detection; its released code
uses fixed thresholds 25 and 35 on CIFAR-10 and fractions 0, 0.1 and 0.2.
"""

from typing import Any

from jax import Array
from jax import numpy as jnp

from purifax.score import scaled
from purifax.types import Purifier, Score

__all__ = ["detect", "scaled_norm", "threshold"]


def scaled_norm(x: Array, score: Score, level: Array | float) -> Array:
    """|f(x)|_2 with f = level score(x, level), [].

    >>> float(scaled_norm(jnp.ones((2, 2, 1)), lambda x, s: -x, 1.0))
    2.0
    """
    v = scaled(x, level, score)
    v = v.astype(jnp.promote_types(v.dtype, jnp.float32))
    return jnp.sqrt(jnp.sum(jnp.square(v)) + 1e-24)


def threshold(norms: Array, false_alarms: float = 0.05) -> Array:
    """The norm above which a share `false_alarms` of clean images lies.

    Args:
        norms: [N], `scaled_norm` of clean validation images.

    Raises:
        ValueError: `false_alarms` is outside [0, 1].

    >>> float(threshold(jnp.arange(101.0), 0.05))
    95.0
    """
    if not 0 <= false_alarms <= 1:
        raise ValueError(
            f"`false_alarms` is a share of clean images in [0, 1]; got {false_alarms}."
        )
    return jnp.quantile(norms, 1.0 - false_alarms)


def detect(
    key: Array,
    x: Array,
    purifier: Purifier,
    score: Score,
    level: Array | float,
    limit: Array | float,
    *,
    sigma: Array | float = 0.25,
    calm: Array | float = 0.2,
    **knobs: Any,
) -> Array:
    """Purify with noise sigma where |f(x)| > limit, else with calm times sigma.

    Args:
        purifier: takes the keyword `sigma`, such as a bound `adaptive`.
        level: the sigma at which the score is measured.
        limit: see `threshold`.
        calm: fraction of the noise for an image that is not suspected.
        knobs: further keywords for the purifier, such as `scan`.

    >>> purifier = lambda key, x, sigma: x + sigma
    >>> f = lambda x, s: -x
    >>> float(detect(None, jnp.ones(()), purifier, f, 1.0, 2.0, sigma=0.5))
    1.100000023841858
    """
    suspected = scaled_norm(x, score, level) > limit
    sigma = jnp.where(suspected, sigma, sigma * calm)
    return purifier(key, x, sigma=sigma, **knobs)  # pyright: ignore[reportCallIssue]
