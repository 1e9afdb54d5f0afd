"""EDM2's network, of layers that keep the magnitude of features; for inference.

Its weights are normalised once, when they are read (`weights.edm2`), and so its layers
are plain ones without biases. Sums of two branches and concatenations are weighted so
that the magnitude stays:

    sum(a, b; t) = ((1 - t) a + t b) / sqrt((1 - t)^2 + t^2)

Source: Karras et al. 2024, arXiv 2312.02696, figure 21 and appendix B.
"""

from __future__ import annotations

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from purifax.nets.attention import attend
from purifax.nets.precondition import precondition
from purifax.nets.resample import double, halve
from purifax.nets.unet_blocks import check, head_count

__all__ = ["EDM2"]

_draw = nn.initializers.variance_scaling(1.0, "fan_in", "normal")
_EPSILON = 1e-4


class EDM2(nn.Module):
    """The denoiser of EDM2.

    With `num_classes=1000` and width 128 it is EDM2-XS for latent images of 64 x 64 x 4
    (`channels=4`) or RGB.

    Attributes:
        channels: of the image.
        width: channels at the finest resolution.
        multiples: channels at each resolution, in multiples of `width`.
        blocks: at each resolution on the way down; one more on the way up.
        attention: levels whose blocks have attention; 0 is the finest. The first block
            of the middle always has it.
        head_width: channels of an attention head.
        num_classes: of labels that it may be given; 0 for none.
        fixed: the class that it is given where a call gives none; None gives no class.
        features, embedded: widths of the noise features and of the embedding; None is
            that of the finest and of the widest level.
        balances: shares of the branch in residual blocks, in attention, of the label,
            and of the skip connections.
        limit: largest magnitude of features; None does not clip.
        spread: standard deviation of the data.
        dtype: of the computation; parameters are float32.
    """

    channels: int = 3
    width: int = 192
    multiples: tuple[int, ...] = (1, 2, 3, 4)
    blocks: int = 3
    attention: tuple[int, ...] = (2, 3)
    head_width: int = 64
    num_classes: int = 0
    fixed: int | None = None
    features: int | None = None
    embedded: int | None = None
    balances: tuple[float, float, float, float] = (0.3, 0.3, 0.5, 0.5)
    limit: float | None = 256.0
    spread: float = 0.5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, sigma: Array, label: Array | None = None) -> Array:
        """The clean image, [N, H, W, C], float32, in the range of x.

        Args:
            x: noisy images, with the spread of the data where there is no noise,
                [N, H, W, C].
            sigma: noise levels of these, [N].
            label: of classes, [N] integers; None is `fixed`, or no class.
        """
        check("EDM2", x, self.channels, len(self.multiples), self.attention)
        x, sigma = x.astype(jnp.float32), sigma.astype(jnp.float32)
        numbers = precondition("edm", sigma, self.spread)
        skip, out, scale = (c.reshape(-1, 1, 1, 1) for c in numbers[:3])
        c = self._embed(numbers[3], label)
        h = (scale * x).astype(self.dtype)
        h = jnp.concatenate([h, jnp.ones_like(h[..., :1])], axis=-1)
        h = _conv(self.width * self.multiples[0], 3, self.dtype, "conv_in")(h)
        f = _conv(self.channels, 3, self.dtype, "conv_out")(self._unet(h, c))
        return skip * x + out * f.astype(jnp.float32)

    def _embed(self, noise: Array, label: Array | None) -> Array:
        """silu of the embedding of the level and the label, [N, embedded]."""
        count = self.features or self.width * self.multiples[0]
        width = self.embedded or self.width * max(self.multiples)
        draw = nn.initializers.normal(2 * math.pi)
        frequencies = self.param("frequencies", draw, (count,))
        phases = self.param("phases", draw, (count,))
        waves = math.sqrt(2) * jnp.cos(
            noise[:, None] * frequencies[None] + phases[None]
        )
        c = _dense(width, self.dtype, "noise")(waves)
        if self.num_classes:
            n = self.num_classes
            if label is None and self.fixed is not None:
                label = jnp.full(len(c), self.fixed)
            hot = jnp.zeros((len(c), n)) if label is None else jax.nn.one_hot(label, n)
            told = _dense(width, self.dtype, "label")(math.sqrt(n) * hot)
            c = _sum(c, told, self.balances[2])
        return _silu(c)

    def _unet(self, h: Array, c: Array) -> Array:
        skips = [h]
        widths = [self.width * multiple for multiple in self.multiples]
        for k, width in enumerate(widths):
            if k:
                h = self._block(h.shape[-1], f"down{k}", change="halve")(h, c)
                skips.append(h)
            for i in range(self.blocks):
                attends = k in self.attention
                h = self._block(width, f"down{k}_{i}", attends=attends)(h, c)
                skips.append(h)
        h = self._block(h.shape[-1], "middle_0", up=True, attends=True)(h, c)
        h = self._block(h.shape[-1], "middle_1", up=True)(h, c)
        for k, width in reversed(list(enumerate(widths))):
            if k < len(widths) - 1:
                h = self._block(h.shape[-1], f"up{k}", True, "double")(h, c)
            for i in range(self.blocks + 1):
                h = _joined(h, skips.pop(), self.balances[3])
                attends = k in self.attention
                h = self._block(width, f"up{k}_{i}", True, attends=attends)(h, c)
        return h

    def _block(
        self,
        width: int,
        name: str,
        up: bool = False,
        change: str = "",
        attends: bool = False,
    ) -> _Block:
        heads = head_count(width, self.head_width) if attends else 0
        shares = self.balances[:2]
        return _Block(
            width, up, change, heads, shares, self.limit, self.dtype, name=name
        )


class _Block(nn.Module):
    """A residual block of the way down or up, and the attention behind it."""

    width: int
    up: bool
    change: str
    heads: int
    shares: tuple[float, float]
    limit: float | None
    dtype: Any

    @nn.compact
    def __call__(self, h: Array, c: Array) -> Array:
        if self.change:
            h = {"halve": halve, "double": double}[self.change](h)
        shortcut = _conv(self.width, 1, self.dtype, "shortcut")
        changes = h.shape[-1] != self.width
        if not self.up:
            h = _normalised(shortcut(h) if changes else h, -1)
        r = _conv(self.width, 3, self.dtype, "conv_0")(_silu(h))
        scale = _dense(self.width, self.dtype, "embedding")(c) + 1
        r = _silu(r * scale[:, None, None, :])
        r = _conv(self.width, 3, self.dtype, "conv_1")(r)
        if self.up and changes:
            h = shortcut(h)
        h = _sum(h, r, self.shares[0])
        if self.heads:
            h = _sum(h, self._attended(h), self.shares[1])
        return h if self.limit is None else jnp.clip(h, -self.limit, self.limit)

    def _attended(self, h: Array) -> Array:
        n, height, width, channels = h.shape
        parts = (_conv(channels, 1, self.dtype, name)(h) for name in "qkv")
        shape = (n, height * width, self.heads, -1)
        q, k, v = (_normalised(part.reshape(shape), -1) for part in parts)
        out = _conv(channels, 1, self.dtype, "out")
        return out(attend(q, k, v).reshape(h.shape))


def _conv(width: int, size: int, dtype: Any, name: str) -> nn.Conv:
    padding = [(size // 2, size // 2)] * 2
    return nn.Conv(
        width,
        (size, size),
        padding=padding,
        use_bias=False,
        kernel_init=_draw,
        dtype=dtype,
        name=name,
    )


def _dense(width: int, dtype: Any, name: str) -> nn.Dense:
    return nn.Dense(width, use_bias=False, kernel_init=_draw, dtype=dtype, name=name)


def _silu(x: Array) -> Array:
    return nn.silu(x) / 0.596


def _sum(a: Array, b: Array, share: float) -> Array:
    return ((1 - share) * a + share * b) / math.hypot(1 - share, share)


def _joined(a: Array, b: Array, share: float) -> Array:
    """Both next to each other, each with its share of the magnitude."""
    m, n = a.shape[-1], b.shape[-1]
    total = math.sqrt((m + n) / ((1 - share) ** 2 + share**2))
    first, second = total / math.sqrt(m) * (1 - share), total / math.sqrt(n) * share
    return jnp.concatenate([first * a, second * b], axis=-1)


def _normalised(x: Array, axis: int) -> Array:
    """Over its root mean square along an axis."""
    rms = jnp.sqrt(jnp.mean(jnp.square(x.astype(jnp.float32)), axis, keepdims=True))
    return x / (_EPSILON + rms).astype(x.dtype)
