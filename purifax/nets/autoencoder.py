"""The autoencoder of latent diffusion: images to latents of an eighth of their side.

Source: Rombach et al. 2022, arXiv 2112.10752, section 3.1 (with a KL penalty);
diffusers' `AutoencoderKL`.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial

from purifax.nets.layers import conv3, conv_layer
from purifax.nets.network import Network
from purifax.nets.resample import double
from purifax.nets.unet_blocks import PixelAttention, ResidualBlock, group_norm

__all__ = ["AutoencoderKL", "decoder", "encoder"]

_EPSILON = 1e-6


class AutoencoderKL(nn.Module):
    """An encoder to latents of about unit variance, and a decoder back to images.

    The defaults are Stable Diffusion's, with 83,653,863 parameters. The latents are
    the means of the encoder's distribution, (mean - centre) scale.

    Attributes:
        channels: of the images.
        latent_channels: of the latents.
        widths: channels of each level, from fine to coarse; each but the last is halved
            after.
        blocks: residual blocks of a level of the encoder; the decoder has one more.
        groups: of the normalisations.
        middle_attention: whether the coarsest level attends.
        mixed: whether a 1x1 convolution follows the encoder.
        mixed_back: whether one precedes the decoder.
        centre: of the means, one number or one for each channel.
        scale: factor on them, likewise.
        dtype: of the computation; parameters and normalisations are float32.
    """

    channels: int = 3
    latent_channels: int = 4
    widths: tuple[int, ...] = (128, 256, 512, 512)
    blocks: int = 2
    groups: int = 32
    middle_attention: bool = True
    mixed: bool = True
    mixed_back: bool = True
    centre: tuple[float, ...] = (0.0,)
    scale: tuple[float, ...] = (0.18215,)
    dtype: Any = jnp.float32

    def setup(self) -> None:
        shared = (self.widths, self.blocks, self.groups, self.middle_attention)
        twice = 2 * self.latent_channels
        self.encoder = _Encoder(twice, *shared, self.dtype)
        self.decoder = _Decoder(self.channels, *shared, self.dtype)
        if self.mixed:
            self.quant_conv = conv_layer(twice, (1, 1), dtype=self.dtype)
        if self.mixed_back:
            width = self.latent_channels
            self.post_quant_conv = conv_layer(width, (1, 1), dtype=self.dtype)

    def __call__(self, x: Array, train: bool = False) -> Array:
        """The images back from their latents, like x."""
        del train
        return self.decode(self.encode(x))

    def encode(self, x: Array) -> Array:
        """Latents of images.

        Args:
            x: [N, H, W, channels] in [0, 1]; H and W divide by two for each level after
                the first.

        Returns:
            [N, H / 2^(levels - 1), W / 2^(levels - 1), latent_channels].

        Raises:
            ValueError: the images do not divide so, or have other channels.
        """
        step = 2 ** (len(self.widths) - 1)
        _, height, width, channels = x.shape
        if height % step or width % step or channels != self.channels:
            raise ValueError(
                f"the autoencoder wants images with {self.channels} channels and sides "
                f"that divide by {step}; got {height} x {width} x {channels}."
            )
        h = self.encoder(2 * x - 1)
        h = self.quant_conv(h) if self.mixed else h
        mean, _ = jnp.split(h.astype(jnp.float32), 2, axis=-1)
        return (mean - _numbers(self.centre)) * _numbers(self.scale)

    def decode(self, z: Array) -> Array:
        """Images of latents, [N, H, W, channels], about in [0, 1] and not clipped."""
        h = z / _numbers(self.scale) + _numbers(self.centre)
        h = self.post_quant_conv(h) if self.mixed_back else h
        return (self.decoder(h).astype(jnp.float32) + 1) / 2


def encoder(network: Network) -> Partial:
    """`x -> z` of an `AutoencoderKL`: latents, [h, w, c], of one image, [H, W, C]."""
    return Partial(_encode, network=network)


def decoder(network: Network) -> Partial:
    """`z -> x` of an `AutoencoderKL`: one image, [H, W, C], of its latents."""
    return Partial(_decode, network=network)


def _encode(x: Array, network: Network) -> Array:
    made: Any = network.module.apply(network.variables, x[None], method="encode")
    return made[0]


def _decode(z: Array, network: Network) -> Array:
    made: Any = network.module.apply(network.variables, z[None], method="decode")
    return made[0]


def _numbers(values: tuple[float, ...]) -> Array:
    return jnp.asarray(values, jnp.float32).reshape(1, 1, 1, -1)


class _Encoder(nn.Module):
    """[N, H, W, C] to [N, h, w, out]."""

    out: int
    widths: tuple[int, ...]
    blocks: int
    groups: int
    attends: bool
    dtype: Any

    @nn.compact
    def __call__(self, h: Array) -> Array:
        h = conv3(self.widths[0], dtype=self.dtype, name="conv_in")(h)
        for level, width in enumerate(self.widths):
            for i in range(self.blocks):
                h = _block(self, width, f"down{level}_{i}_block")(h, None, False)
            if level + 1 < len(self.widths):
                padding, name = [(0, 1)] * 2, f"down{level}_resize"
                resize = conv3(
                    width, stride=2, padding=padding, dtype=self.dtype, name=name
                )
                h = resize(h)
        h = _middle(self, h)
        h = nn.silu(group_norm(self.groups, _EPSILON, self.dtype, "norm_out")(h))
        return conv3(self.out, dtype=self.dtype, name="conv_out")(h)


class _Decoder(nn.Module):
    """[N, h, w, c] to [N, H, W, out]."""

    out: int
    widths: tuple[int, ...]
    blocks: int
    groups: int
    attends: bool
    dtype: Any

    @nn.compact
    def __call__(self, h: Array) -> Array:
        h = conv3(self.widths[-1], dtype=self.dtype, name="conv_in")(h)
        h = _middle(self, h)
        for level, width in reversed(list(enumerate(self.widths))):
            for i in range(self.blocks + 1):
                h = _block(self, width, f"up{level}_{i}_block")(h, None, False)
            if level:
                name = f"up{level}_resize"
                h = conv3(width, dtype=self.dtype, name=name)(double(h))
        h = nn.silu(group_norm(self.groups, _EPSILON, self.dtype, "norm_out")(h))
        return conv3(self.out, dtype=self.dtype, name="conv_out")(h)


def _block(part: _Encoder | _Decoder, width: int, name: str) -> ResidualBlock:
    return ResidualBlock(width, part.groups, _EPSILON, dtype=part.dtype, name=name)


def _middle(part: _Encoder | _Decoder, h: Array) -> Array:
    """Called within the part, whose layers these become."""
    width = part.widths[-1]
    h = _block(part, width, "middle_0_block")(h, None, False)
    if part.attends:
        name = "middle_0_attention"
        h = PixelAttention(1, part.groups, _EPSILON, part.dtype, name=name)(h)
    return _block(part, width, "middle_1_block")(h, None, False)
