"""OpenAI's diffusion UNet, of improved diffusion and of guided diffusion.

Its input is an image in [-1, 1] mixed with noise, and the label of a step. A network
with a learned variance gives twice as many channels: `noise_part` and `fraction_part`
are the two networks in it, and
`score.from_process(noise_part(network), noise.VPDiscrete(...))` is a score.

Source: Nichol and Dhariwal 2021, arXiv 2102.09672; Dhariwal and Nichol 2021,
arXiv 2105.05233.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial

from purifax.nets.embedding import sinusoid
from purifax.nets.layers import conv3
from purifax.nets.resample import double, halve
from purifax.nets.unet_blocks import (
    PixelAttention,
    ResidualBlock,
    TimeEmbedding,
    check,
    group_norm,
    head_count,
    u_shape,
)
from purifax.types import as_pytree

__all__ = ["OpenAIUNet", "fraction_part", "noise_part"]

_EPSILON = 1e-5
_RESIZES = ("conv", "block", "plain")


class OpenAIUNet(nn.Module):
    """The UNet of improved and guided diffusion.

    Published configurations:

    - CIFAR-10 of improved diffusion, and ECLIPSE's: the defaults, with `dropout=0.3` in
      training and `time_scale=0.25` (4000 steps); 52,546,438 parameters.
    - ImageNet at 256 x 256 without labels, DiffPure's: `width=256, multiples=(1, 1, 2,
      2, 4, 4), blocks=2, attention=(3, 4, 5), head_width=64, resize="block"`;
      552,814,086 parameters.

    The last convolutions of all blocks and of the network are initialised to zero.

    Attributes:
        channels: channels of the image.
        width: base number of channels.
        multiples: channels of each level in multiples of `width`, from fine to coarse.
        blocks: residual blocks at each level on the way down; one more on the way up.
        attention: levels whose blocks have attention; 0 is the finest. The middle
            always has it.
        heads: of attention, where `head_width` is None.
        heads_up: of attention on the way up, where they differ from `heads`.
        head_width: channels of an attention head.
        scale_shift: whether the time scales and shifts features, or only shifts them.
        resize: how the resolution changes: by a convolution ("conv"), within a
            residual block ("block"), or by mean and repetition alone ("plain").
        learned_variance: whether the output has twice as many channels: the noise, and
            2 v - 1, where v places the logarithm of the variance between its bounds.
        num_classes: of the class label that it is given; None for no label.
        time_scale: multiplies t; 1000 / T where T is not 1000 and the authors' flag
            "rescale_timesteps" was set.
        groups: of the normalisations; 0 is a quarter of the channels, at most 32.
        dropout: probability, in training (give `apply` a "dropout" key).
        dtype: of the computation; parameters, normalisations, softmaxes and the last
            layer are float32.
    """

    channels: int = 3
    width: int = 128
    multiples: tuple[float, ...] = (1, 2, 2, 2)
    blocks: int = 3
    attention: tuple[int, ...] = (1, 2)
    heads: int = 4
    heads_up: int | None = None
    head_width: int | None = None
    scale_shift: bool = True
    resize: str = "conv"
    learned_variance: bool = True
    num_classes: int | None = None
    time_scale: float = 1.0
    groups: int = 32
    dropout: float = 0.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self, x: Array, t: Array, label: Array | None = None, train: bool = False
    ) -> Array:
        """The noise in x, followed by the channels of a learned variance.

        Args:
            x: noised images, [N, H, W, C], of unit variance or in about [-1, 1]; H and
                W divide by two for each level after the first.
            t: label of the step, [N], integer or real.
            label: class, [N], integer, where `num_classes` is not None.
            train: whether to drop out.

        Returns:
            [N, H, W, C], or [N, H, W, 2 C] with a learned variance; float32.
        """
        self._check(x, label)
        c = self._embed(t, label)
        widths = [round(self.width * multiple) for multiple in self.multiples]
        residual = self._residual(c, train)

        def block(h: Array, level: int, place: str) -> Array:
            h = residual(h, widths[level], f"{place}_block")
            return self._attend(h, place) if level in self.attention else h

        def middle(h: Array) -> Array:
            h = residual(h, widths[-1], "middle_0_block")
            h = self._attend(h, "middle_0")
            return residual(h, widths[-1], "middle_1_block")

        h = conv3(widths[0], dtype=self.dtype, name="conv_in")(x)
        h = u_shape(
            h,
            widths,
            self.blocks,
            block=block,
            middle=middle,
            down=partial(self._change, residual, "down"),
            up=partial(self._change, residual, "up"),
        )
        h = nn.silu(group_norm(self.groups, _EPSILON, jnp.float32, "norm_out")(h))
        channels = self.channels * (2 if self.learned_variance else 1)
        return conv3(channels, kernel_init=nn.initializers.zeros, name="conv_out")(h)

    def _embed(self, t: Array, label: Array | None) -> Array:
        features = sinusoid(t, self.width, cosines_first=True, scale=self.time_scale)
        c = TimeEmbedding(4 * self.width, self.dtype, name="time")(features)
        if self.num_classes is None:
            return c
        embedded = nn.Embed(
            self.num_classes, 4 * self.width, dtype=self.dtype, name="label"
        )
        return c + embedded(jnp.asarray(label))

    def _residual(self, c: Array, train: bool) -> Callable[..., Array]:
        def residual(h: Array, width: int, name: str, resize: str = "") -> Array:
            return ResidualBlock(
                width,
                groups=self.groups,
                epsilon=_EPSILON,
                scale_shift=self.scale_shift,
                resize=resize,
                dropout=self.dropout,
                dtype=self.dtype,
                name=name,
            )(h, c, train)

        return residual

    def _attend(self, h: Array, place: str) -> Array:
        width, up = self.head_width, place.startswith("up")
        heads = self.heads_up if up and self.heads_up else self.heads
        heads = heads if width is None else head_count(h.shape[-1], width)
        name = f"{place}_attention"
        return PixelAttention(heads, self.groups, _EPSILON, self.dtype, name=name)(h)

    def _change(
        self, residual: Callable[..., Array], way: str, h: Array, level: int
    ) -> Array:
        """Features at half ("down") or twice ("up") the resolution."""
        name, width = f"{way}{level}_resize", h.shape[-1]
        if self.resize == "block":
            return residual(h, width, name, way)
        if self.resize == "plain":
            return halve(h) if way == "down" else double(h)
        stride = 2 if way == "down" else 1
        conv = conv3(width, stride, dtype=self.dtype, name=name)
        return conv(h if way == "down" else double(h))

    def _check(self, x: Array, label: Array | None) -> None:
        levels = len(self.multiples)
        check("OpenAIUNet", x, self.channels, levels, self.attention)
        if self.resize not in _RESIZES:
            raise ValueError(
                f"`resize` must be one of {_RESIZES}; got {self.resize!r}."
            )
        if (label is None) != (self.num_classes is None):
            given = "no label was given" if label is None else "a label was given"
            raise ValueError(f"`num_classes` is {self.num_classes}, but {given}.")


def noise_part(network: Callable[..., Array]) -> Partial:
    """The noise predictor in a network with a learned variance.

    Args:
        network: of one image: `(x, t, ...) -> [H, W, 2 C]`.

    Returns:
        `(x, t, ...) -> [H, W, C]`, a pytree.

    >>> import jax.numpy as jnp
    >>> from purifax.nets.openai import noise_part
    >>> noise_part(lambda x, t: jnp.array([[[1.0, 2.0, 3.0, 4.0]]]))(None, None)
    Array([[[1., 2.]]], dtype=float32)
    """
    return Partial(_noise, network=as_pytree(network))


def fraction_part(network: Callable[..., Array]) -> Partial:
    """The predictor of v, the place of the variance, in a network that learned it.

    The variance is large^v small^(1 - v); see `sample.learned`.

    Args:
        network: of one image: `(x, t, ...) -> [H, W, 2 C]`.

    Returns:
        `(x, t, ...) -> v`, [H, W, C], in [0, 1] as far as the network has learned these
        bounds; a pytree.

    >>> import jax.numpy as jnp
    >>> from purifax.nets.openai import fraction_part
    >>> fraction_part(lambda x, t: jnp.array([[[1.0, 2.0, -1.0, 1.0]]]))(None, None)
    Array([[[0., 1.]]], dtype=float32)
    """
    return Partial(_fraction, network=as_pytree(network))


def _noise(*inputs: Array, network: Callable[..., Array]) -> Array:
    return jnp.split(network(*inputs), 2, axis=-1)[0]


def _fraction(*inputs: Array, network: Callable[..., Array]) -> Array:
    return (jnp.split(network(*inputs), 2, axis=-1)[1] + 1) / 2
