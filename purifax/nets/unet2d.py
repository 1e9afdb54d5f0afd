"""The noise predictor of DDPM, with the options of diffusers' `UNet2DModel`.

Its input is an image in [-1, 1] mixed with noise, and the label of a step.
`score.from_process(network, noise.VPDiscrete())` converts it to a score.

Source: Ho, Jain and Abbeel 2020, arXiv 2006.11239, appendix B.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from purifax.nets.embedding import sinusoid
from purifax.nets.layers import conv3
from purifax.nets.resample import double
from purifax.nets.unet_blocks import (
    PixelAttention,
    ResidualBlock,
    TimeEmbedding,
    check,
    group_norm,
    head_count,
    u_shape,
)

__all__ = ["UNet2D"]


class UNet2D(nn.Module):
    """The UNet of DDPM.

    The defaults are those for CIFAR-10, with 35,746,307 parameters. Convolutions halve
    the resolution from level to level. Attention follows the convolutions of a block.
    The last convolutions of all blocks and of the network are initialised to zero.

    Attributes:
        channels: channels of the image.
        out_channels: channels of the output; as many as the image's by default.
        widths: channels of each level, from fine to coarse.
        blocks: residual blocks at each level on the way down; one more on the way up.
        attention: levels whose blocks have attention; 0 is the finest.
        last_attention: whether on the way up only the last block of such a level has
            attention, as in Song et al.'s network of DDPM.
        middle_attention: whether the middle has attention.
        head_width: channels of an attention head; None is one head.
        groups: of the normalisations.
        epsilon: of the normalisations.
        padding: of the halving convolutions: 1 pixel on each side, or 0, where one
            pixel is added below and on the right.
        cosines_first: order of the features of time.
        shift: 0 or 1, of their frequencies; see `embedding.sinusoid`.
        fourier: whether the features of time are instead sines and cosines of fixed
            random multiples of log t, and the output is divided by t.
        divided: whether it is, where `fourier`.
        embedded: width of the embedding; None is four times the first width.
        scale_shift: whether the time scales and shifts features, or only shifts them.
            diffusers does not normalise before the attention of the middle then.
        num_classes: of the class label that it is given; None for no label.
        dropout: probability, in training (give `apply` a "dropout" key).
        dtype: of the computation; parameters, normalisations, softmaxes and the last
            layer are float32.
    """

    channels: int = 3
    out_channels: int | None = None
    widths: tuple[int, ...] = (128, 256, 256, 256)
    blocks: int = 2
    attention: tuple[int, ...] = (1,)
    last_attention: bool = False
    middle_attention: bool = True
    head_width: int | None = None
    groups: int = 32
    epsilon: float = 1e-6
    padding: int = 0
    cosines_first: bool = False
    shift: int = 1
    fourier: bool = False
    divided: bool = True
    embedded: int | None = None
    scale_shift: bool = False
    num_classes: int | None = None
    dropout: float = 0.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self, x: Array, t: Array, label: Array | None = None, train: bool = False
    ) -> Array:
        """The noise in x.

        Args:
            x: noised images, [N, H, W, C], of unit variance or in about [-1, 1]; H and
                W divide by two for each level after the first.
            t: label of the step, [N], integer or real.
            label: class, [N], integer, where `num_classes` is not None.
            train: whether to drop out.

        Returns:
            [N, H, W, out_channels], float32.
        """
        check("UNet2D", x, self.channels, len(self.widths), self.attention)
        if self.padding not in (0, 1):
            raise ValueError(f"`padding` must be 0 or 1; got {self.padding}.")
        if (label is None) != (self.num_classes is None):
            given = "no label was given" if label is None else "a label was given"
            raise ValueError(f"`num_classes` is {self.num_classes}, but {given}.")
        c = self._time(t, label)
        residual = partial(
            ResidualBlock,
            groups=self.groups,
            epsilon=self.epsilon,
            scale_shift=self.scale_shift,
            dropout=self.dropout,
            dtype=self.dtype,
        )

        def block(h: Array, level: int, place: str) -> Array:
            h = residual(self.widths[level], name=f"{place}_block")(h, c, train)
            return self._attend(h, place) if self._attends(level, place) else h

        def middle(h: Array) -> Array:
            h = residual(self.widths[-1], name="middle_0_block")(h, c, train)
            h = self._attend(h, "middle_0") if self.middle_attention else h
            return residual(self.widths[-1], name="middle_1_block")(h, c, train)

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
        zeros, channels = nn.initializers.zeros, self.out_channels or self.channels
        out = conv3(channels, kernel_init=zeros, name="conv_out")(nn.silu(h))
        if self.fourier and self.divided:
            out = out / t.astype(jnp.float32)[:, None, None, None]
        return out

    def _time(self, t: Array, label: Array | None) -> Array:
        width = self.embedded or 4 * self.widths[0]
        c = TimeEmbedding(width, self.dtype, name="time")(self._features(t))
        if label is None:
            return c
        rows = nn.Embed(self.num_classes or 0, width, dtype=self.dtype, name="label")
        return c + rows(jnp.asarray(label))

    def _features(self, t: Array) -> Array:
        if not self.fourier:
            return sinusoid(
                t, self.widths[0], cosines_first=self.cosines_first, shift=self.shift
            )
        draw = nn.initializers.normal(16.0)
        frequencies = self.param("frequencies", draw, (self.widths[0],))
        frequencies = 2 * jnp.pi * jax.lax.stop_gradient(frequencies)
        angles = jnp.log(t.astype(jnp.float32))[:, None] * frequencies[None]
        return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)

    def _attends(self, level: int, place: str) -> bool:
        skipped = self.last_attention and place.startswith("up")
        last = place.endswith(f"_{self.blocks}")
        return level in self.attention and (last or not skipped)

    def _attend(self, h: Array, place: str) -> Array:
        bare = self.scale_shift and place == "middle_0"
        return PixelAttention(
            head_count(h.shape[-1], self.head_width or h.shape[-1]),
            None if bare else self.groups,
            self.epsilon,
            self.dtype,
            name=f"{place}_attention",
        )(h)

    def _down(self, h: Array, level: int) -> Array:
        padding = [(self.padding, 1)] * 2
        name = f"down{level}_resize"
        return conv3(
            h.shape[-1], stride=2, padding=padding, dtype=self.dtype, name=name
        )(h)

    def _up(self, h: Array, level: int) -> Array:
        conv = conv3(h.shape[-1], dtype=self.dtype, name=f"up{level}_resize")
        return conv(double(h))
