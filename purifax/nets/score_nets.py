"""Small score networks that train on a CPU.

They predict the scaled score f(x, sigma) = sigma * score(x, sigma), which is minus the
unit noise z in x = x_0 + sigma z, for images in [0, 1] and sigma in the same units.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from purifax.nets.layers import conv3, depth_to_space, space_to_depth

__all__ = ["SmallScore"]


class SmallScore(nn.Module):
    """A small UNet that is given the noise level.

    The image is centred, scaled to unit variance and folded into channels (`fold` x
    `fold` pixels each). There are residual blocks of 3x3 convolutions at one resolution
    for each entry of `widths`, on the way down and on the way up, and skip connections
    between both are added. With s the spread of the data and r^2 = sigma^2 + s^2,

        f(x, sigma) = (s F((x - centre) / r, sigma) - sigma (x - centre) / r) / r.

    The second term alone is the scaled score of Gaussian data, and dominates when sigma
    is large. F learns the rest, which has unit variance at every sigma, and is
    initialised to zero.

    Fields that train well on a CPU:

    - 32 x 32 x 3: the defaults; 284,780 parameters, 57 MFLOP an image.
    - 28 x 28 x 1: `channels=1, blocks=1`; 152,164 parameters, 22 MFLOP.
    - 8 x 8 x 1: `channels=1, widths=(64,)`; 204,612 parameters, 3.5 MFLOP, or
      `channels=1, widths=(32,), blocks=4`; 98,724 parameters, 1.8 MFLOP.

    Source: Karras et al. 2022, arXiv 2206.00364, section 5 (the preconditioning, here
    for noise prediction).

    Attributes:
        channels: channels of the image.
        fold: side of the squares of pixels that are folded into channels.
        widths: channels at each resolution, from fine to coarse.
        blocks: residual blocks at each resolution, each way.
        centre: mean of the data's pixels, subtracted from the image.
        spread: standard deviation of the data's pixels, approximately.
        dtype: of the computation; parameters are float32.
    """

    channels: int = 3
    fold: int = 2
    widths: tuple[int, ...] = (32, 64)
    blocks: int = 2
    centre: float = 0.5
    spread: float = 0.25
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, sigma: Array) -> Array:
        """The scaled score.

        Args:
            x: noisy images, [N, H, W, C]; H and W divide by `fold` times two for each
                halving.
            sigma: noise levels, [N].

        Returns:
            f, [N, H, W, C], float32.
        """
        self._check(x)
        level = sigma.astype(jnp.float32).reshape(-1, 1, 1, 1)
        scale = jnp.sqrt(level**2 + self.spread**2)
        x = (x.astype(jnp.float32) - self.centre) / scale

        c = _Embedding(2 * self.widths[0], self.dtype)(sigma)
        h = space_to_depth(x.astype(self.dtype), self.fold)
        h = self._unet(conv3(self.widths[0], dtype=self.dtype)(h), c)

        out = conv3(
            self.fold**2 * self.channels,
            kernel_init=nn.initializers.zeros,
            dtype=self.dtype,
        )(nn.silu(h))
        out = depth_to_space(out, self.fold).astype(jnp.float32)
        return (self.spread * out - level * x) / scale

    def _unet(self, h: Array, c: Array) -> Array:
        skips = []
        for width in self.widths[:-1]:
            h = self._residual(h, c, width)
            skips.append(h)
            h = space_to_depth(h, 2)
        h = self._residual(h, c, self.widths[-1])
        for width in reversed(self.widths[:-1]):
            h = nn.Dense(4 * width, dtype=self.dtype)(h)
            h = self._residual(depth_to_space(h, 2) + skips.pop(), c, width)
        return h

    def _residual(self, h: Array, c: Array, width: int) -> Array:
        if h.shape[-1] != width:
            h = nn.Dense(width, dtype=self.dtype)(h)
        for _ in range(self.blocks):
            h = _Block(width, self.dtype)(h, c)
        return h

    def _check(self, x: Array) -> None:
        multiple = self.fold * 2 ** (len(self.widths) - 1)
        _, height, width, channels = x.shape
        if height % multiple or width % multiple or channels != self.channels:
            raise ValueError(
                f"SmallScore(channels={self.channels}, fold={self.fold}, "
                f"widths={self.widths}) wants images with {self.channels} channels and "
                f"sides that are multiples of {multiple}; got {height} x {width} x "
                f"{channels}. Change `channels`, `fold` or the number of `widths`."
            )


class _Embedding(nn.Module):
    """Features of log sigma, [N] -> [N, width]."""

    width: int
    dtype: Any

    @nn.compact
    def __call__(self, sigma: Array) -> Array:
        # The tiny number keeps sigma = 0 finite; the ladder ends far above it.
        log_sigma = 0.5 * jnp.log(sigma.astype(jnp.float32) ** 2 + 1e-6)
        angles = log_sigma[:, None] * jnp.geomspace(0.25, 4.0, 8)[None]
        features = jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)
        h = nn.silu(nn.Dense(self.width, dtype=self.dtype)(features))
        return nn.silu(nn.Dense(self.width, dtype=self.dtype)(h))


class _Block(nn.Module):
    """h + conv(silu(norm(conv(silu(norm(h)))) (1 + scale(c)) + shift(c)))."""

    width: int
    dtype: Any

    @nn.compact
    def __call__(self, h: Array, c: Array) -> Array:
        film = nn.Dense(2 * self.width, dtype=self.dtype)(c)
        scale, shift = jnp.split(film[:, None, None, :], 2, axis=-1)
        r = conv3(self.width, dtype=self.dtype)(nn.silu(self._norm()(h)))
        r = self._norm()(r) * (1 + scale) + shift
        r = conv3(self.width, kernel_init=nn.initializers.zeros, dtype=self.dtype)(
            nn.silu(r)
        )
        return h + r

    def _norm(self) -> nn.GroupNorm:
        return nn.GroupNorm(self.width // 8, dtype=self.dtype)
