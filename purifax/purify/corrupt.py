"""Corruptions that ECLIPSE adds to purification: grey images, and Gaussian noise.

    x <- grey(x) with probability p, then x + sigma z,  p = 0.4, sigma = 0.05

Poisons of low frequency are mostly colour, which grey images lose; others drown in the
noise, which at 12.75/255 is twice as strong as that of ECLIPSE's diffusion. The paper's
algorithm corrupts the set once; its code draws anew whenever an image is trained on.

Source: Wang et al. 2024, arXiv 2406.15093, equation 13 and released code; Liu et al.
2023, arXiv 2301.13838 (grey images alone, as Image Shortcut Squeezing).
"""

from dataclasses import dataclass

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.purify.prior import Prior
from purifax.recipe import typed
from purifax.types import Purifier

__all__ = ["Noise", "grayscale", "noised"]

# ITU-R 601 in 16 bits, as Pillow has it.
_RED, _GREEN, _BLUE, _HALF = 19595, 38470, 7471, 1 << 15


@checks.checked(x=checks.in_scale)
def grayscale(key: Array, x: Array, *, probability: Array | float = 1.0) -> Array:
    """The image in grey, with a probability; its channels stay three.

    Args:
        x: red, green and blue, rounded to 8 bits first; an image with another number
            of channels has no colours and stays as it is.
        probability: 0.4 is ECLIPSE's; 1 turns every image grey.

    Returns:
        Like x. A grey one is what Pillow's "L" gives, bit by bit, on each channel. As
        it rounds, its gradient is zero.

    >>> grayscale(jax.random.key(0), jnp.array([[[1.0, 0.0, 0.0]]])) * 255
    Array([[[76., 76., 76.]]], dtype=float32)
    """
    if x.shape[-1] != 3:
        return x
    level = jnp.round(255 * jnp.clip(x, 0.0, 1.0)).astype(jnp.int32)
    red, green, blue = (level[..., i] for i in range(3))
    grey = (_RED * red + _GREEN * green + _BLUE * blue + _HALF) >> 16
    flat = (grey.astype(x.dtype) / 255)[..., None]
    chosen = jax.random.bernoulli(key, jnp.float32(probability))
    grey = jnp.where(jnp.isnan(x), x, jnp.broadcast_to(flat, x.shape))
    return jnp.where(chosen, grey, x)


@checks.checked(x=checks.in_scale)
def noised(key: Array, x: Array, *, sigma: Array | float = 0.05) -> Array:
    """The image with Gaussian noise in every pixel and channel, clipped to [0, 1].

    Args:
        sigma: in units of images in [0, 1]; 0.05 is ECLIPSE's.

    >>> noised(jax.random.key(0), jnp.full((1, 2, 1), 0.5), sigma=0.0).ravel().tolist()
    [0.5, 0.5]
    """
    return jnp.clip(x + sigma * jax.random.normal(key, x.shape, x.dtype), 0.0, 1.0)


@dataclass(frozen=True)
@typed
class Noise:
    """Gaussian noise and nothing else: what is left of a purifier without its network.

    Attributes:
        sigma: of the noise, in [0, 1] pixel units.
    """

    sigma: float = 0.25
    needs = ()

    def __post_init__(self) -> None:
        recipe.at_least(self, "sigma", 0)

    def build(self, prior: Prior) -> Purifier:
        """The purifier with its exact gradient."""
        del prior
        return Partial(noised, sigma=self.sigma)

    def calls(self) -> int:
        """Network evaluations of one run."""
        return 0

    def words(self) -> str:
        """The noise in words."""
        return f"noise {self.sigma:g} alone"
