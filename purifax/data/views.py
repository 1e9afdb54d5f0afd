"""Views of SimCLR: random resized crops, flips and colour changes.

Every operation is differentiable, so that poisons can be optimised through the views.

Source: Chen et al. 2020, arXiv 2002.05709, appendix A, with the colour changes of
public code for CIFAR-10: brightness, contrast and saturation within 0.4 of one and hue
within a tenth of a turn, on 8 of 10 images, and 2 of 10 images grey; no blur. That code
applies them in random order and changes the hue in HSV; here the order is fixed, and
the hue rotates about the grey axis, which keeps the brightness.
"""

import math

import jax
from jax import Array
from jax import numpy as jnp

__all__ = ["recoloured", "resized_crop", "simclr_view"]

_GREY = (0.299, 0.587, 0.114)


def simclr_view(key: Array, x: Array) -> Array:
    """One random view of an image, like x, in [0, 1]; two of them make a pair.

    >>> simclr_view(jax.random.key(0), jnp.full((4, 4, 3), 0.5)).shape
    (4, 4, 3)
    """
    k_place, k_flip, k_jittered, k_colour, k_grey = jax.random.split(key, 5)
    x = resized_crop(k_place, x)
    x = jnp.where(jax.random.bernoulli(k_flip, jnp.float32(0.5)), x[:, ::-1], x)
    changed = recoloured(k_colour, x)
    x = jnp.where(jax.random.bernoulli(k_jittered, jnp.float32(0.8)), changed, x)
    return jnp.where(jax.random.bernoulli(k_grey, jnp.float32(0.2)), _grey(x), x)


def resized_crop(key: Array, x: Array, *, smallest: float = 0.08) -> Array:
    """A rectangle of the image, resized to its size by linear interpolation.

    Args:
        smallest: smallest share of the area, which is uniform from it to 1; the aspect
            ratio is between 3/4 and 4/3, where the image is large enough.

    >>> x = jnp.arange(4.0).reshape(1, 4, 1)
    >>> bool(jnp.all(jnp.diff(resized_crop(jax.random.key(0), x)[0, :, 0]) >= 0))
    True
    """
    k_area, k_ratio, k_place = jax.random.split(key, 3)
    area = jax.random.uniform(k_area, (), x.dtype, smallest, 1.0)
    widest = math.log(4 / 3)
    ratio = jnp.exp(jax.random.uniform(k_ratio, (), x.dtype, -widest, widest))
    sides = jnp.minimum(jnp.sqrt(area * jnp.stack([ratio, 1 / ratio])), 1.0)
    first = (1 - sides) * jax.random.uniform(k_place, (2,), x.dtype)
    down, across = (
        _weights(size, first[a], sides[a]) for a, size in enumerate(x.shape[:2])
    )
    return jnp.einsum("ri,cj,ijk->rck", down, across, x, precision="highest")


def recoloured(key: Array, x: Array) -> Array:
    """Random brightness, contrast, saturation and hue; the last two keep greys.

    >>> x = jnp.full((2, 2, 3), 0.5)
    >>> y = recoloured(jax.random.key(0), x)
    >>> bool(jnp.all(jnp.abs(y - y[0, 0, 0]) < 1e-6)), bool(jnp.any(y != x))
    (True, True)
    """
    k_sizes, k_hue = jax.random.split(key)
    light, contrast, vivid = jax.random.uniform(k_sizes, (3,), x.dtype, 0.6, 1.4)
    x = jnp.clip(light * x, 0.0, 1.0)
    mean = jnp.mean(_grey(x))
    x = jnp.clip(mean + contrast * (x - mean), 0.0, 1.0)
    if x.shape[-1] != 3:
        return x
    angle = 2 * jnp.pi * jax.random.uniform(k_hue, (), x.dtype, -0.1, 0.1)
    grey = _grey(x)
    return jnp.clip(grey + vivid * _turned(x - grey, angle), 0.0, 1.0)


def _turned(colour: Array, angle: Array) -> Array:
    """Colours rotated about the grey axis (Rodrigues), with brightness zero."""
    axis = jnp.full(3, 3**-0.5, colour.dtype)
    along = jnp.tensordot(colour, axis, axes=1)[..., None] * axis[None, None]
    across = jnp.cross(jnp.broadcast_to(axis, colour.shape), colour)
    turned = jnp.cos(angle) * (colour - along) + jnp.sin(angle) * across
    return turned - _grey(turned)


def _grey(x: Array) -> Array:
    """The brightness in every channel, like x; a grey image is unchanged."""
    if x.shape[-1] != 3:
        return x
    grey = jnp.tensordot(x, jnp.array(_GREY, x.dtype), axes=1)[..., None]
    return jnp.broadcast_to(grey, x.shape)


def _weights(size: int, first: Array, side: Array) -> Array:
    """Weights of linear interpolation along one axis, [to, from]; edges repeat."""
    place = (jnp.arange(size, dtype=side.dtype) + 0.5) / size
    at = jnp.clip((first + side * place) * size - 0.5, 0.0, size - 1.0)
    apart = at[:, None] - jnp.arange(size, dtype=side.dtype)[None, :]
    return jnp.maximum(0.0, 1.0 - jnp.abs(apart))
