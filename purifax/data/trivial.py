"""TrivialAugment: one random operation of a random strength, both uniform.

The operations are geometric (shear, shift, rotation), photometric (brightness,
contrast, colour), on levels (posterise, solarise), or the identity. The published
"wide" space also has autocontrast, equalise and sharpness, which are not included here.

Source: Müller and Hutter 2021, arXiv 2103.10158, table 7 ("wide"); UEraser applies it
after its own operations.
"""

import jax
from jax import Array
from jax import numpy as jnp
from jax.scipy.ndimage import map_coordinates

__all__ = ["trivial_augment", "warped"]

_SHEAR, _SHIFT, _TURN = 0.99, 1.0, 135.0
"""The largest shear (a slope), shift (share of the side: 32 of 32 pixels), degrees."""


def trivial_augment(key: Array, x: Array) -> Array:
    """The image after one of ten operations or the identity, in [0, 1].

    >>> trivial_augment(jax.random.key(0), jnp.full((4, 4, 3), 0.5)).shape
    (4, 4, 3)
    """
    k_which, k_strength = jax.random.split(key)
    strength = jax.random.uniform(k_strength, (), x.dtype, -1.0, 1.0)
    which = jax.random.randint(k_which, (), 0, 11, jnp.int32)
    matrix, shift = _plane(which, strength)
    moved = warped(x, matrix, shift * jnp.array(x.shape[:2], x.dtype))
    lit = [
        x * (1 + strength),
        jnp.mean(x) + (1 + strength) * (x - jnp.mean(x)),
        _grey(x) + (1 + strength) * (x - _grey(x)),
    ]
    steps = 2.0 ** jnp.round(2 + 6 * (1 - jnp.abs(strength))) - 1
    flat = [jnp.round(x * steps) / steps, jnp.where(x > jnp.abs(strength), 1 - x, x)]
    for place, changed in enumerate([*lit, *flat], start=5):
        moved = jnp.where(which == place, changed, moved)
    return jnp.clip(moved, 0.0, 1.0)


def warped(x: Array, matrix: Array, shift: Array) -> Array:
    """The image at matrix @ (place - middle) + middle + shift; zero outside.

    Args:
        matrix: [2, 2]; shift: [2], in pixels; rows first.

    >>> x = jnp.array([[[1.0], [3.0]]])
    >>> warped(x, jnp.eye(2), jnp.array([0.0, 1.0])).ravel().tolist()
    [3.0, 0.0]
    """
    height, width, channels = x.shape
    middle = jnp.array([(height - 1) / 2, (width - 1) / 2], x.dtype)
    rows, columns = jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij")
    place = jnp.stack([rows, columns]).astype(x.dtype) - middle[:, None, None]
    at = jnp.einsum("ij,jhw->ihw", matrix, place, precision="highest")
    at = at + (middle + shift)[:, None, None]
    one = [map_coordinates(x[..., c], list(at), order=1) for c in range(channels)]
    return jnp.stack(one, axis=-1)


def _plane(which: Array, strength: Array) -> tuple[Array, Array]:
    """Matrix and shift (share of the side) of operations 0 to 4; else the identity."""
    angle = jnp.where(which == 4, jnp.deg2rad(_TURN) * strength, 0.0)
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    across = jnp.where(which == 0, _SHEAR * strength, sine)
    down = jnp.where(which == 1, _SHEAR * strength, -sine)
    matrix = jnp.stack([jnp.stack([cosine, down]), jnp.stack([across, cosine])])
    zero = 0.0 * strength
    shift = jnp.stack(
        [
            jnp.where(which == 2, _SHIFT * strength, zero),
            jnp.where(which == 3, _SHIFT * strength, zero),
        ]
    )
    return matrix, shift


def _grey(x: Array) -> Array:
    return jnp.mean(x, axis=-1, keepdims=True)
