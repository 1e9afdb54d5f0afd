"""A random shift and flip with a gradient, for noise that survives augmentation.

    x'[i, j] = x[i + u, j + v]   between pixels by linear interpolation, zero outside

Source: Geiping et al. 2021, arXiv 2009.02276, and Fowl et al. 2021, arXiv 2106.10807:
shifts of up to 8 pixels on CIFAR-10 and 16 on Tiny-ImageNet, and flips.
"""

from collections.abc import Callable
from typing import TypeAlias

import jax
from jax import Array
from jax import numpy as jnp

from purifax import _checks as checks
from purifax.types import Model

__all__ = ["Transform", "jitter", "jittered", "shifted"]

Transform: TypeAlias = Callable[[Array, Array], Array]
"""`transform(key, x) -> like x`, an augmentation with a gradient."""


@checks.checked(largest=checks.at_least_zero)
def jitter(key: Array, x: Array, *, largest: Array | float = 8.0) -> Array:
    """The image shifted by up to that many pixels each way, and mirrored or not.

    >>> jitter(jax.random.key(0), jnp.ones((4, 4, 1)), largest=0.0).min()
    Array(1., dtype=float32)
    """
    k_shift, k_flip = jax.random.split(key)
    by = largest * jax.random.uniform(k_shift, (2,), x.dtype, -1.0, 1.0)
    flip = jax.random.bernoulli(k_flip, jnp.float32(0.5))
    return shifted(jnp.where(flip, x[:, ::-1], x), by)


@checks.checked()
def jittered(
    key: Array, x: Array, model: Model, *, largest: Array | float = 8.0
) -> Array:
    """A model that sees a jittered image; bind `model`, and it is a model again.

    >>> model = lambda key, x: jnp.sum(x, axis=(0, 1))
    >>> jittered(jax.random.key(0), jnp.ones((4, 4, 2)), model, largest=0.0).tolist()
    [16.0, 16.0]
    """
    k_jitter, k_model = jax.random.split(key)
    return model(k_model, jitter(k_jitter, x, largest=largest))


def shifted(x: Array, by: Array) -> Array:
    """The image at positions moved by `by: [2]` pixels, rows and columns.

    >>> shifted(jnp.array([[[1.0], [3.0]]]), jnp.array([0.0, 0.5])).ravel().tolist()
    [2.0, 1.5]
    """
    down, across = (_weights(size, by[a]) for a, size in enumerate(x.shape[:2]))
    return jnp.einsum("ri,cj,ijk->rck", down, across, x, precision="highest")


def _weights(size: int, by: Array) -> Array:
    """Linear interpolation along one axis, [to, from]."""
    place = jnp.arange(size, dtype=by.dtype)
    apart = place[:, None] + by - place[None, :]
    return jnp.maximum(0.0, 1.0 - jnp.abs(apart))
