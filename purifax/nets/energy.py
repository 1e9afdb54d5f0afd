"""Energy networks: `network(x) -> []`, low where x is natural.

They take images in [0, 1] and work on u = 2 x - 1, as published. There is no batch
normalisation and no dropout, so training and inference are the same function.

SNGANEnergy    EBM Life Cycle, PureEBM and PureGen
LightEnergy    Stochastic Security
SmallEnergy    for small images, trains on a CPU
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from purifax.nets.layers import conv3, conv_layer, space_to_depth, torch_conv

__all__ = ["ACTIVATIONS", "LightEnergy", "SNGANEnergy", "SmallEnergy"]

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": nn.relu,
    "leaky": partial(nn.leaky_relu, negative_slope=0.05),
    "swish": nn.silu,
}
"""Activations by name. The slope of "leaky" is that of Stochastic Security.

A network that is trained through its force, as in denoising score matching, needs
"swish", since the others have no second derivative.
"""

_xavier = nn.initializers.xavier_uniform()


class SNGANEnergy(nn.Module):
    """The discriminator of SNGAN for 32 x 32 images, without normalisation.

    It has four residual blocks of 3x3 convolutions, of which the first two halve the
    resolution, then a mean over all pixels and one weight for each channel. The sides
    of the image must be multiples of four times `patch`; for 32 x 32 x 3 it has
    1,053,824 parameters.

    It differs from the published network in one point: the shortcut of the second block
    is pooled before its 1x1 convolution instead of after it, which gives the same
    function in a quarter of the time.

    Attributes:
        width: channels of every block.
        patch: side of the squares of pixels that are folded into channels first.
        activation: a name in `ACTIVATIONS`; published "relu".
        dtype: of the computation; parameters and the energy are float32.

    Source: Miyato et al. 2018, arXiv 1802.05957, table 4; Hill et al. 2022, arXiv
    2205.12243; Bhat et al. 2024 (PureGen), arXiv 2405.18627.
    """

    width: int = 128
    patch: int = 1
    activation: str = "relu"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Energies, [N] float32, of images x, [N, H, W, C] in [0, 1]."""
        del train
        _divides("SNGANEnergy", x, 4 * self.patch, "patch")
        bend = _activation(self.activation)
        h = space_to_depth(_centred(x, self.dtype), self.patch)
        r = bend(self._conv(3, "block1_c1")(h))
        r = _halved(self._conv(3, "block1_c2")(r))
        h = self._conv(1, "block1_c_sc")(_halved(h)) + r

        r = self._conv(3, "block2_c1")(bend(h))
        r = _halved(self._conv(3, "block2_c2")(bend(r)))
        h = self._conv(1, "block2_c_sc")(_halved(h)) + r

        for block in ("block3", "block4"):
            r = self._conv(3, f"{block}_c1")(bend(h))
            h = h + self._conv(3, f"{block}_c2")(bend(r))

        h = jnp.mean(bend(h).astype(jnp.float32), axis=(1, 2))
        return nn.Dense(1, use_bias=False, kernel_init=_xavier, name="l5")(h)[:, 0]

    def _conv(self, size: int, name: str) -> nn.Conv:
        return conv_layer(
            self.width,
            (size, size),
            padding=[(size // 2,) * 2] * 2,
            kernel_init=_xavier,
            dtype=self.dtype,
            name=name,
        )


class LightEnergy(nn.Module):
    """The lightweight network of Stochastic Security.

    It has a 3x3 convolution, three 4x4 convolutions that halve the resolution and
    double the channels, and a last convolution whose kernel covers the remaining
    pixels: 4 x 4 for a 32 x 32 image, with 693,569 parameters as published, and 3 x 3
    for 28 x 28. The sides of the image must be 8 or more.

    Attributes:
        width: channels of the first convolution.
        activation: a name in `ACTIVATIONS`; published "leaky".
        dtype: of the computation; parameters and the energy are float32.

    Source: Hill, Mitchell and Zhu 2021, arXiv 2005.13525, and their released code.
    """

    width: int = 32
    activation: str = "leaky"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Energies, [N] float32, of images x, [N, H, W, C] in [0, 1]."""
        del train
        if min(x.shape[1:3]) < 8:
            raise ValueError(
                "LightEnergy halves the image three times, so its sides must be 8 or "
                f"more; got {x.shape[1]} x {x.shape[2]}."
            )
        bend = _activation(self.activation)
        h = _centred(x, self.dtype)
        h = bend(torch_conv(h, self.width, 3, dtype=self.dtype, name="conv0")(h))
        for i in (1, 2, 3):
            how: dict[str, Any] = {"stride": 2, "padding": 1, "name": f"conv{i}"}
            conv = torch_conv(h, 2**i * self.width, 4, dtype=self.dtype, **how)
            h = bend(conv(h))
        side: Any = h.shape[1:3]
        last = torch_conv(h, 1, side, padding=0, dtype=self.dtype, name="conv4")
        return last(h)[:, 0, 0, 0].astype(jnp.float32)


class SmallEnergy(nn.Module):
    """A small residual network that trains on a CPU.

    The image is folded into channels (`fold` x `fold` pixels each). There is one
    residual block of two 3x3 convolutions for each entry of `widths`, with the
    resolution halved in between, and then a hidden dense layer on the flattened pixels.

    Fields that train well:

    - 8 x 8 x 1: the defaults, with 41,825 parameters, or `widths=(8,), hidden=16`, with
      9,473.
    - 28 x 28 x 1: `fold=2`, with 76,049 parameters.

    Attributes:
        fold: side of the squares of pixels that are folded into channels.
        widths: channels at each resolution, from fine to coarse.
        hidden: width of the dense layer.
        activation: a name in `ACTIVATIONS`.
        dtype: of the computation; parameters and the energy are float32.
    """

    fold: int = 1
    widths: tuple[int, ...] = (16, 32)
    hidden: int = 32
    activation: str = "swish"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Energies, [N] float32, of images x, [N, H, W, C] in [0, 1]."""
        del train
        multiple = self.fold * 2 ** (len(self.widths) - 1)
        _divides("SmallEnergy", x, multiple, "fold` or the number of `widths")
        bend = _activation(self.activation)
        h = space_to_depth(_centred(x, self.dtype), self.fold)
        h = conv3(self.widths[0], dtype=self.dtype)(h)
        for i, width in enumerate(self.widths):
            if i:
                h = nn.Dense(width, dtype=self.dtype)(space_to_depth(h, 2))
            r = conv3(width, dtype=self.dtype)(bend(h))
            h = h + conv3(width, dtype=self.dtype)(bend(r))
        h = bend(h).reshape(h.shape[0], -1)
        h = bend(nn.Dense(self.hidden, dtype=self.dtype)(h))
        return nn.Dense(1)(h.astype(jnp.float32))[:, 0]


def _activation(name: str) -> Callable[[Array], Array]:
    if name not in ACTIVATIONS:
        raise ValueError(
            f"`activation` must be one of {', '.join(ACTIVATIONS)}; got {name!r}."
        )
    return ACTIVATIONS[name]


def _centred(x: Array, dtype: Any) -> Array:
    return (2 * x - 1).astype(dtype)


def _halved(x: Array) -> Array:
    """The means of 2 x 2 pixels by a reshape, whose gradient is fast as well."""
    n, height, width, channels = x.shape
    x = x.reshape(n, height // 2, 2, width // 2, 2, channels)
    return x.mean(axis=(2, 4))


def _divides(kind: str, x: Array, multiple: int, fields: str) -> None:
    _, height, width, _ = x.shape
    if height % multiple or width % multiple:
        raise ValueError(
            f"{kind} wants images whose sides are multiples of {multiple}; got "
            f"{height} x {width}. Change `{fields}`."
        )
