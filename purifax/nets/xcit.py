"""XCiT: attention between channels instead of tokens.

Source: El-Nouby et al. 2021, arXiv 2106.09681; Debenedetti et al. 2022, arXiv
2209.07399 (robust XCiTs, of which those for CIFAR fold fewer pixels).
"""

from __future__ import annotations

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from purifax.nets.attention import attend
from purifax.nets.layers import conv3, normalise
from purifax.nets.resnet import batch_norm
from purifax.nets.transformer import FeedForward, layer_norm, over

__all__ = ["XCiT"]


class XCiT(nn.Module):
    """A stem of strided convolutions, blocks over channels, and a class token.

    The defaults are XCiT-S12/16 with 26,253,304 parameters.

    Attributes:
        strides: of the stem's convolutions; each but the last is followed by a GELU.
        width: channels of a token; the stem doubles its channels up to it.
        depth: blocks over the patches.
        class_depth: blocks in which the class token looks at the patches.
        heads: of the attention.
        all_normalised: whether a class block normalises all its tokens, or the class
            token alone.
        num_classes: length of the logits.
        epsilon: of the normalisations of tokens.
        mean: of the normalisation of images, one number or one for each channel.
        std: of that normalisation, likewise.
        dtype: of the computation; parameters and the last layer are float32.
    """

    strides: tuple[int, ...] = (2, 2, 2, 2)
    width: int = 384
    depth: int = 12
    class_depth: int = 2
    heads: int = 8
    all_normalised: bool = True
    num_classes: int = 1000
    epsilon: float = 1e-6
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Logits, [N, K] float32, of images x, [N, H, W, C] in [0, 1]."""
        h = normalise(x, self.mean, self.std)
        last = len(self.strides) - 1
        for i, stride in enumerate(self.strides):
            width = self.width // 2 ** (last - i)
            h = conv3(width, stride, use_bias=False, dtype=self.dtype, name=f"stem{i}")(
                h
            )
            h = batch_norm(train, self.dtype, f"stem{i}_bn")(h)
            h = h if i == last else nn.gelu(h, approximate=False)
        places = _fourier(h.shape[1], h.shape[2])
        h = h + nn.Dense(self.width, dtype=self.dtype, name="positions")(places)
        n, rows, columns, width = h.shape
        h = h.reshape(n, rows * columns, width)
        options = {"heads": self.heads, "epsilon": self.epsilon, "dtype": self.dtype}
        for i in range(self.depth):
            h = _Block(**options, name=f"block{i}")(h, (rows, columns), train)
        token = self.param("token", nn.initializers.normal(0.02), (width,))
        token = jnp.broadcast_to(token.astype(h.dtype), (n, 1, width))
        h = jnp.concatenate([token, h], axis=1)
        for i in range(self.class_depth):
            name = f"class{i}"
            h = _ClassBlock(**options, every=self.all_normalised, name=name)(h)
        h = layer_norm(self.epsilon, jnp.float32, "norm")(h)
        return nn.Dense(self.num_classes, name="head")(h[:, 0])


class _Block(nn.Module):
    """Attention between channels, a convolution of neighbours, a feed-forward network.

    Each is of normalised tokens, times a factor for each channel, and added to them.
    """

    heads: int
    epsilon: float
    dtype: Any

    @nn.compact
    def __call__(self, h: Array, grid: tuple[int, int], train: bool) -> Array:
        width = h.shape[-1]
        parts = (
            ("1", lambda r: self._channels(r)),
            ("3", lambda r: self._neighbours(r, grid, train)),
            ("2", FeedForward(4 * width, dtype=self.dtype, name="mlp")),
        )
        for name, part in parts:
            r = part(layer_norm(self.epsilon, self.dtype, f"norm{name}")(h))
            gamma = self.param(f"gamma{name}", nn.initializers.ones, (width,))
            h = h + over(gamma, h) * r
        return h

    def _channels(self, h: Array) -> Array:
        """softmax(temperature q k') v over a head's channels, of unit q and k."""
        n, count, width = h.shape
        made = nn.Dense(3 * width, dtype=self.dtype, name="qkv")(h)
        made = made.reshape(n, count, 3, self.heads, -1).transpose(2, 0, 3, 4, 1)
        q, k, v = made
        shape = (self.heads, 1, 1)
        temperature = self.param("temperature", nn.initializers.ones, shape)
        logits = jnp.einsum("nhct,nhdt->nhcd", _unit(q), _unit(k)) * temperature[None]
        share = jax.nn.softmax(logits.astype(jnp.float32), axis=-1).astype(v.dtype)
        r = jnp.einsum("nhcd,nhdt->nthc", share, v).reshape(n, count, width)
        return nn.Dense(width, dtype=self.dtype, name="proj")(r)

    def _neighbours(self, h: Array, grid: tuple[int, int], train: bool) -> Array:
        n, count, width = h.shape
        options = {"feature_group_count": width, "dtype": self.dtype}
        r = conv3(width, name="local1", **options)(h.reshape(n, *grid, width))
        r = batch_norm(train, self.dtype, "local_bn")(nn.gelu(r, approximate=False))
        return conv3(width, name="local2", **options)(r).reshape(n, count, width)


class _ClassBlock(nn.Module):
    """The class token, [N, 1, C], first of h, attends to all tokens.

    The other tokens gain their own normalisation, as in the published code.
    """

    heads: int
    epsilon: float
    dtype: Any
    every: bool

    @nn.compact
    def __call__(self, h: Array) -> Array:
        n, count, width = h.shape
        gammas = [
            over(self.param(name, nn.initializers.ones, (width,)), h)
            for name in ("gamma1", "gamma2")
        ]
        r = layer_norm(self.epsilon, self.dtype, "norm1")(h)
        q, k, v = (
            nn.Dense(width, dtype=self.dtype, name=name)(
                r[:, :1] if name == "q" else r
            ).reshape(n, -1, self.heads, width // self.heads)
            for name in ("q", "k", "v")
        )
        seen = attend(q, k, v).reshape(n, 1, width)
        seen = nn.Dense(width, dtype=self.dtype, name="proj")(seen)
        h = h + gammas[0] * jnp.concatenate([seen, r[:, 1:]], axis=1)
        norm = layer_norm(self.epsilon, self.dtype, "norm2")
        h = norm(h) if self.every else jnp.concatenate([norm(h[:, :1]), h[:, 1:]], 1)
        mlp = FeedForward(4 * width, dtype=self.dtype, name="mlp")
        token = gammas[1] * mlp(h[:, :1])
        return h + jnp.concatenate([token, h[:, 1:]], axis=1)


def _unit(h: Array) -> Array:
    """Of length one over the last axis."""
    square = jnp.sum(jnp.square(h), axis=-1, keepdims=True)
    return h / jnp.sqrt(jnp.maximum(square, 1e-24))


def _fourier(rows: int, columns: int, width: int = 32) -> np.ndarray:
    """Sines and cosines of the places of a grid, [1, rows, columns, 2 * width]."""
    periods = 10_000 ** (2 * (np.arange(width) // 2) / width)
    parts = []
    for size in (rows, columns):
        place = np.arange(1, size + 1) / (size + 1e-6) * 2 * math.pi
        angle = place[:, None] / periods
        even = np.arange(width) % 2 == 0
        parts.append(np.where(even, np.sin(angle), np.cos(angle)))
    vertical = np.broadcast_to(parts[0][:, None], (rows, columns, width))
    across = np.broadcast_to(parts[1][None], (rows, columns, width))
    return np.concatenate([vertical, across], axis=-1)[None].astype("f4")
