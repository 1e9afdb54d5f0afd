"""The conditional UNet of latent diffusion, which attends to embeddings of a text.

Source: Rombach et al. 2022, arXiv 2112.10752, section 3.3; diffusers'
`UNet2DConditionModel`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from purifax.nets.attention import attend
from purifax.nets.embedding import sinusoid
from purifax.nets.layers import conv3
from purifax.nets.resample import double
from purifax.nets.transformer import layer_norm
from purifax.nets.unet_blocks import (
    ResidualBlock,
    TimeEmbedding,
    check,
    group_norm,
    u_shape,
)

__all__ = ["ConditionalUNet"]


class ConditionalUNet(nn.Module):
    """A UNet whose pixels attend to each other and to the tokens of a context.

    The defaults are those of Stable Diffusion 1, with 859,520,964 parameters; of 2,
    `heads` is (5, 10, 20, 20) and `context_width` 1024.

    Attributes:
        channels: of the latents.
        out_channels: of the output; as many as the latents' by default.
        widths: channels of each level, from fine to coarse.
        blocks: residual blocks at each level on the way down; one more on the way up.
        attention: levels whose blocks have a transformer; 0 is the finest.
        heads: of the attention at each level.
        layers: of each transformer.
        context_width: channels of a token of the context.
        context_length: tokens of the context that is stored with the network, in the
            collection "context", and used where none is given.
        groups: of the normalisations.
        epsilon: of the normalisations in residual blocks.
        cosines_first: order of the features of time.
        shift: 0 or 1, of their frequencies; see `embedding.sinusoid`.
        dtype: of the computation; parameters, normalisations, softmaxes and the last
            layer are float32.
    """

    channels: int = 4
    out_channels: int | None = None
    widths: tuple[int, ...] = (320, 640, 1280, 1280)
    blocks: int = 2
    attention: tuple[int, ...] = (0, 1, 2)
    heads: tuple[int, ...] = (8, 8, 8, 8)
    layers: int = 1
    context_width: int = 768
    context_length: int = 77
    groups: int = 32
    epsilon: float = 1e-5
    cosines_first: bool = True
    shift: int = 0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self, x: Array, t: Array, context: Array | None = None, train: bool = False
    ) -> Array:
        """What the network predicts of noised latents.

        Args:
            x: [N, h, w, channels]; h and w divide by two for each level after the
                first.
            t: label of the step, [N], integer or real.
            context: [N, T, context_width]; by default the one that is stored.
            train: not used.

        Returns:
            [N, h, w, out_channels], float32.
        """
        del train
        check("ConditionalUNet", x, self.channels, len(self.widths), self.attention)
        if len(self.heads) != len(self.widths):
            raise ValueError(
                f"`heads` {self.heads} and `widths` {self.widths} differ in length."
            )
        seen = self._context(x, context)
        features = sinusoid(
            t, self.widths[0], cosines_first=self.cosines_first, shift=self.shift
        )
        c = TimeEmbedding(4 * self.widths[0], self.dtype, name="time")(features)
        options = {"groups": self.groups, "epsilon": self.epsilon, "dtype": self.dtype}
        residual = partial(ResidualBlock, **options)

        def transformer(h: Array, level: int, place: str) -> Array:
            name = f"{place}_attention"
            numbers = self.heads[level], self.layers, self.groups, self.dtype
            return _Transformer(*numbers, name=name)(h, seen)

        def block(h: Array, level: int, place: str) -> Array:
            h = residual(self.widths[level], name=f"{place}_block")(h, c, False)
            return transformer(h, level, place) if level in self.attention else h

        def middle(h: Array) -> Array:
            h = residual(self.widths[-1], name="middle_0_block")(h, c, False)
            h = transformer(h, len(self.widths) - 1, "middle_0")
            return residual(self.widths[-1], name="middle_1_block")(h, c, False)

        h = conv3(self.widths[0], dtype=self.dtype, name="conv_in")(x)
        h = u_shape(
            h,
            self.widths,
            self.blocks,
            block=block,
            middle=middle,
            down=self._down,
            up=self._up,
        )
        h = group_norm(self.groups, self.epsilon, jnp.float32, "norm_out")(h)
        return conv3(self.out_channels or self.channels, name="conv_out")(nn.silu(h))

    def _context(self, x: Array, given: Array | None) -> Array:
        """[N, T, context_width]."""
        shape = (self.context_length, self.context_width)
        stored = self.variable("context", "tokens", jnp.zeros, shape).value
        if given is None:
            given = jnp.broadcast_to(stored[None], (len(x), *shape))
        if given.ndim != 3 or given.shape[2] != self.context_width:
            raise ValueError(
                f"the context must be [N, T, {self.context_width}]; got "
                f"{list(given.shape)}."
            )
        return given.astype(self.dtype)

    def _down(self, h: Array, level: int) -> Array:
        name = f"down{level}_resize"
        return conv3(h.shape[-1], stride=2, dtype=self.dtype, name=name)(h)

    def _up(self, h: Array, level: int) -> Array:
        conv = conv3(h.shape[-1], dtype=self.dtype, name=f"up{level}_resize")
        return conv(double(h))


class _Transformer(nn.Module):
    """h + out(layers(in(norm(h)))), with pixels as tokens."""

    heads: int
    layers: int
    groups: int
    dtype: Any

    @nn.compact
    def __call__(self, h: Array, context: Array) -> Array:
        n, height, width, channels = h.shape
        dense = partial(nn.Dense, channels, dtype=self.dtype)
        r = group_norm(self.groups, 1e-6, self.dtype, "norm")(h)
        r = dense(name="proj_in")(r.reshape(n, height * width, channels))
        for i in range(self.layers):
            r = _Layer(self.heads, self.dtype, name=f"layer{i}")(r, context)
        return h + dense(name="proj_out")(r).reshape(h.shape)


class _Layer(nn.Module):
    """Attention to the pixels, attention to the context, a gated feed-forward network.

    Each is of normalised tokens and is added to them.
    """

    heads: int
    dtype: Any

    @nn.compact
    def __call__(self, h: Array, context: Array) -> Array:
        norms = (layer_norm(1e-5, self.dtype, f"norm{i}") for i in (1, 2, 3))
        r = next(norms)(h)
        h = h + _Attention(self.heads, self.dtype, name="attn1")(r, r)
        r = next(norms)(h)
        h = h + _Attention(self.heads, self.dtype, name="attn2")(r, context)
        made = nn.Dense(8 * h.shape[-1], dtype=self.dtype, name="gate")(next(norms)(h))
        value, gate = jnp.split(made, 2, axis=-1)
        r = value * nn.gelu(gate, approximate=False)
        return h + nn.Dense(h.shape[-1], dtype=self.dtype, name="out")(r)


class _Attention(nn.Module):
    """Of the tokens h, [N, T, C], to others, [N, S, D]; only the last has a bias."""

    heads: int
    dtype: Any

    @nn.compact
    def __call__(self, h: Array, others: Array) -> Array:
        n, count, channels = h.shape
        if self.heads < 1 or channels % self.heads:
            raise ValueError(
                f"{self.heads} attention heads do not divide {channels} channels."
            )
        q, k, v = (
            nn.Dense(channels, use_bias=False, dtype=self.dtype, name=name)(of).reshape(
                n, -1, self.heads, channels // self.heads
            )
            for name, of in (("q", h), ("k", others), ("v", others))
        )
        r = attend(q, k, v).reshape(n, count, channels)
        return nn.Dense(channels, dtype=self.dtype, name="out")(r)
