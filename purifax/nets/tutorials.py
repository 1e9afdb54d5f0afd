"""Small networks of public tutorials, for 28 x 28 digits.

ConvNoise       (x_t, t) -> unit noise       convolutions of one resolution
TutorialScore   (x, sigma) -> scaled score   Song's tutorial, strided convolutions
TutorialEnergy  x -> energy                  UvA's tutorial 8, strided convolutions
"""

from __future__ import annotations

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from purifax.nets.layers import conv_layer, torch_conv

__all__ = ["ConvNoise", "TutorialEnergy", "TutorialScore"]


class ConvNoise(nn.Module):
    """Convolutions at full resolution; predicts the unit noise of x_t.

    Each block is a convolution, a layer normalisation over all pixels and channels with
    weights for every pixel, and a GELU. Features of the time are added after the first
    block. The network fits images of one size only.

    Attributes:
        channels: of the image.
        widths: channels of the blocks.
        size: side of the blocks' kernels.
        frequencies: number of frequencies of the time's features: 0 and 2 pi 1.5^i.
        dtype: of the computation; parameters are float32.

    Source: a common layout of courses on diffusion, after minDiffusion (Ryu).
    """

    channels: int = 1
    widths: tuple[int, ...] = (16, 32, 32, 16)
    size: int = 7
    frequencies: int = 16
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, t: Array, train: bool = False) -> Array:
        """The unit noise, [N, H, W, C], float32.

        Args:
            x: x_t, in [-1/2, 1/2] where there is no noise, [N, H, W, C].
            t: time in [0, 1], [N].
        """
        del train
        h = x.astype(self.dtype)
        whole: dict[str, Any] = {"reduction_axes": (1, 2, 3), "feature_axes": (1, 2, 3)}
        for i, width in enumerate(self.widths):
            h = self._conv(width, self.size, f"conv_{i}")(h)
            h = nn.LayerNorm(1e-5, dtype=self.dtype, name=f"norm_{i}", **whole)(h)
            h = nn.gelu(h, approximate=False)
            if i == 0:
                h = h + self._condition(t)[:, None, None, :]
        return self._conv(self.channels, 3, "conv_out")(h).astype(jnp.float32)

    def _condition(self, t: Array) -> Array:
        powers = 1.5 ** np.arange(self.frequencies - 1)
        angles = t.astype(jnp.float32)[:, None] * jnp.asarray(
            2 * np.pi * np.concatenate([[0], powers])[None], jnp.float32
        )
        c = jnp.concatenate([jnp.sin(angles), jnp.cos(angles) - 1], axis=-1)
        for i in range(3):
            c = nn.gelu(self._dense(128, f"time_{i}")(c), approximate=False)
        return self._dense(self.widths[0], "time_3")(c)

    def _conv(self, width: int, size: int, name: str) -> nn.Conv:
        border = [(size // 2,) * 2] * 2
        return conv_layer(
            width, (size, size), padding=border, dtype=self.dtype, name=name
        )

    def _dense(self, width: int, name: str) -> nn.Dense:
        return nn.Dense(width, dtype=self.dtype, name=name)


class TutorialScore(nn.Module):
    """The score network of Song's tutorial; predicts the scaled score.

    It has strided 3x3 convolutions without padding and transposed ones back, with added
    skip connections. Each is shifted by features of the time and followed by group
    normalisation. The noise process is that of the tutorial, sigma(t)^2 =
    (base^(2 t) - 1) / (2 log base), which the network inverts. The tutorial's code
    divides by sigma after the last layer; this network does not.

    Attributes:
        channels: of the image; its side is 28, or another that the way up reaches.
        widths: channels at each resolution.
        features: width of the time's features.
        base: of the noise process, 25 as published, or more; levels up to 9.85.
        dtype: of the computation; parameters are float32.

    Source: Song, "Generative modeling by estimating gradients of the data
    distribution", tutorial in PyTorch.
    """

    channels: int = 1
    widths: tuple[int, ...] = (32, 64, 128, 256)
    features: int = 256
    base: float = 25.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, sigma: Array, train: bool = False) -> Array:
        """The scaled score f = sigma * score, [N, H, W, C], float32.

        Args:
            x: noisy images, in [0, 1] where there is no noise, [N, H, W, C].
            sigma: noise levels, [N].
        """
        del train
        c = self._condition(sigma)
        h, skips = x.astype(self.dtype), []
        for i, width in enumerate(self.widths):
            conv = self._conv(width, f"conv{i + 1}", 2 if i else 1)
            h = self._normed(conv(h), c, f"{i + 1}", 32 if i else 4)
            skips.append(h)
        h = skips.pop()
        for i in range(len(self.widths) - 1, 0, -1):
            # The rows and columns that the way down has left out.
            spare = skips[-1].shape[1] - 2 * h.shape[1] - 1
            conv = self._conv(self.widths[i - 1], f"back{i + 1}")
            h = self._normed(conv(_spread(h, 2, spare)), c, f"_back{i + 1}", 32)
            h = h + skips.pop()
        out = self._conv(self.channels, "back1", use_bias=True)(_spread(h, 1, 0))
        return out.astype(jnp.float32)

    def _condition(self, sigma: Array) -> Array:
        slope = 2 * math.log(self.base)
        t = jnp.log1p(slope * jnp.square(sigma.astype(jnp.float32))) / slope
        draw = nn.initializers.normal(30.0)
        frequencies = self.param("frequencies", draw, (self.features // 2,))
        angles = 2 * jnp.pi * t[:, None] * jax.lax.stop_gradient(frequencies)[None]
        c = jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)
        return nn.silu(nn.Dense(self.features, dtype=self.dtype, name="time")(c))

    def _normed(self, h: Array, c: Array, name: str, groups: int) -> Array:
        shift = nn.Dense(h.shape[-1], dtype=self.dtype, name=f"time{name}")(c)
        h = h + shift[:, None, None, :]
        groups = min(groups, h.shape[-1])
        normed = nn.GroupNorm(
            groups, epsilon=1e-5, dtype=self.dtype, name=f"norm{name}"
        )(h)
        return nn.silu(normed)

    def _conv(
        self, width: int, name: str, stride: int = 1, use_bias: bool = False
    ) -> nn.Conv:
        return conv_layer(
            width,
            (3, 3),
            (stride, stride),
            padding="VALID",
            use_bias=use_bias,
            dtype=self.dtype,
            name=name,
        )


class TutorialEnergy(nn.Module):
    """The energy network of UvA's deep learning tutorial 8.

    It has a strided 5x5 convolution with a padding of 4, strided 3x3 convolutions, and
    a hidden dense layer, with Swish in between. The tutorial's network gives a log
    density; the energy is minus that. It fits images of one size only.

    Attributes:
        widths: channels of the convolutions; published (16, 32, 64, 64).
        hidden: width of the dense layer.
        dtype: of the computation; parameters and the energy are float32.

    Source: Lippe, UvA deep learning tutorials, 8: deep energy-based generative models.
    """

    widths: tuple[int, ...] = (16, 32, 64, 64)
    hidden: int = 64
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Energies, [N] float32, of images x, [N, H, W, C] in [0, 1]."""
        del train
        h = (2 * x - 1).astype(self.dtype)
        for i, width in enumerate(self.widths):
            size, border = (3, 1) if i else (5, 4)
            how: dict[str, Any] = {"stride": 2, "padding": border, "name": f"conv{i}"}
            h = nn.silu(torch_conv(h, width, size, dtype=self.dtype, **how)(h))
        h = h.reshape(h.shape[0], -1)
        h = nn.silu(nn.Dense(self.hidden, dtype=self.dtype, name="hidden")(h))
        return -nn.Dense(1, name="out")(h.astype(jnp.float32))[:, 0]


def _spread(h: Array, stride: int, spare: int) -> Array:
    """h with zeros between and around its pixels, for a transposed 3x3 convolution."""
    zero = jnp.zeros((), h.dtype)
    axis = (2, 2 + spare, stride - 1)
    return jax.lax.pad(h, zero, [(0, 0, 0), axis, axis, (0, 0, 0)])
