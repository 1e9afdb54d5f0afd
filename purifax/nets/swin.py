"""Swin transformers: attention within windows that are shifted from block to block.

Source: Liu et al. 2021, arXiv 2103.14030.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import Array

from purifax.nets.layers import conv_layer, normalise
from purifax.nets.transformer import FeedForward, SelfAttention, layer_norm

__all__ = ["SwinTransformer"]

_APART = -100.0
"""Added to the logits of pixels that a shift brought together from two borders."""


class SwinTransformer(nn.Module):
    """The first version of Swin, which normalises before each branch.

    The defaults are Swin-T with 28,288,354 parameters.

    Attributes:
        depths: blocks at each resolution.
        heads: of the attention at each resolution.
        width: channels of the first resolution; the next double it.
        window: side of the windows.
        patch: side of the squares of pixels that the stem folds.
        num_classes: length of the logits.
        epsilon: of the normalisations.
        mean: of the normalisation of images, one number or one for each channel.
        std: of that normalisation, likewise.
        dtype: of the computation; parameters and the last layer are float32.
    """

    depths: tuple[int, ...] = (2, 2, 6, 2)
    heads: tuple[int, ...] = (3, 6, 12, 24)
    width: int = 96
    window: int = 7
    patch: int = 4
    num_classes: int = 1000
    epsilon: float = 1e-5
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Logits, [N, K] float32, of images x, [N, H, W, C] in [0, 1]."""
        del train
        if len(self.depths) != len(self.heads):
            raise ValueError(
                f"`depths` {self.depths} and `heads` {self.heads} differ in length."
            )
        h = conv_layer(
            self.width,
            (self.patch, self.patch),
            (self.patch, self.patch),
            padding="VALID",
            dtype=self.dtype,
            name="fold",
        )(normalise(x, self.mean, self.std))
        h = layer_norm(self.epsilon, self.dtype, "norm0")(h)
        for stage, depth in enumerate(self.depths):
            if stage:
                h = _Merge(self.epsilon, self.dtype, name=f"merge{stage}")(h)
            for i in range(depth):
                h = _Block(
                    self.heads[stage],
                    self.window,
                    self.window // 2 if i % 2 else 0,
                    self.epsilon,
                    self.dtype,
                    name=f"stage{stage}_{i}",
                )(h)
        h = layer_norm(self.epsilon, jnp.float32, "norm")(h)
        return nn.Dense(self.num_classes, name="head")(jnp.mean(h, axis=(1, 2)))


class _Merge(nn.Module):
    """Each 2 x 2 square, columns first, as one pixel of twice the channels."""

    epsilon: float
    dtype: Any

    @nn.compact
    def __call__(self, h: Array) -> Array:
        n, height, width, channels = h.shape
        h = jnp.pad(h, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)))
        rows, columns = (height + 1) // 2, (width + 1) // 2
        h = h.reshape(n, rows, 2, columns, 2, channels).transpose(0, 1, 3, 4, 2, 5)
        h = h.reshape(n, rows, columns, 4 * channels)
        h = layer_norm(self.epsilon, self.dtype, "norm")(h)
        dense = nn.Dense(
            2 * channels, use_bias=False, dtype=self.dtype, name="reduction"
        )
        return dense(h)


class _Block(nn.Module):
    """Attention within windows, then a feed-forward network, each added to h."""

    heads: int
    window: int
    shift: int
    epsilon: float
    dtype: Any

    @nn.compact
    def __call__(self, h: Array) -> Array:
        r = layer_norm(self.epsilon, self.dtype, "norm1")(h)
        h = h + self._windows(r)
        r = layer_norm(self.epsilon, self.dtype, "norm2")(h)
        mlp = FeedForward(4 * h.shape[-1], dtype=self.dtype, name="mlp")
        return h + mlp(r)

    def _windows(self, h: Array) -> Array:
        """The attention, on a map padded to whole windows and rolled by the shift."""
        n, height, width, channels = h.shape
        side = self.window
        sides = tuple(size + -size % side for size in (height, width))
        h = jnp.pad(h, ((0, 0), (0, sides[0] - height), (0, sides[1] - width), (0, 0)))
        # A window that holds the whole map has no neighbour to shift to.
        shifts = tuple(0 if side >= size else self.shift for size in sides)
        h = jnp.roll(h, [-shift for shift in shifts], axis=(1, 2))
        rows, columns = (size // side for size in sides)
        h = h.reshape(n, rows, side, columns, side, channels)
        h = h.transpose(0, 1, 3, 2, 4, 5).reshape(-1, side * side, channels)
        bias = self._positions()[None] + _masks(sides, side, shifts)[:, None]
        bias = jnp.tile(bias, (n, 1, 1, 1))
        h = SelfAttention(self.heads, dtype=self.dtype, name="attn")(h, bias)
        h = h.reshape(n, rows, columns, side, side, channels)
        h = h.transpose(0, 1, 3, 2, 4, 5).reshape(n, *sides, channels)
        return jnp.roll(h, shifts, axis=(1, 2))[:, :height, :width]

    def _positions(self) -> Array:
        """What the relative position of two pixels adds, [heads, side^2, side^2]."""
        span, side = 2 * self.window - 1, self.window
        start = nn.initializers.normal(0.02)
        table = self.param("positions", start, (span**2, self.heads))
        at = np.arange(side)
        apart = at[:, None] - at + side - 1
        index = span * apart[:, None, :, None] + apart[None, :, None, :]
        return jnp.moveaxis(table[index.reshape(side**2, side**2)], -1, 0)


def _masks(sides: tuple[int, ...], window: int, shifts: tuple[int, ...]) -> np.ndarray:
    """What each window adds to the logits, [windows, window^2, window^2].

    A rolled map has parts that were not neighbours; pixels of two parts are kept apart.
    """
    parts = []
    for size, shift in zip(sides, shifts, strict=True):
        part = np.zeros(size, int)
        if shift:
            part[size - window :], part[size - shift :] = 1, 2
        parts.append(part)
    labels = 3 * parts[0][:, None] + parts[1]
    rows, columns = (size // window for size in sides)
    labels = labels.reshape(rows, window, columns, window).transpose(0, 2, 1, 3)
    labels = labels.reshape(rows * columns, window**2)
    return np.where(labels[:, :, None] != labels[:, None, :], _APART, 0.0).astype("f4")
