"""Small classifiers for small images."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from purifax.nets.layers import conv3, conv_layer, normalise, space_to_depth

__all__ = ["MLP", "ConvNet", "SmallCNN"]


class SmallCNN(nn.Module):
    """3x3 convolutions, each followed by a 2x2 max-pool, and a hidden dense layer.

    It suffices for digits of 8x8 and, with `fold=2`, of 28x28. It has no batch
    normalisation and no dropout, so training and inference are the same function.

    Attributes:
        num_classes: length of the logits.
        widths: channels of the convolutions; the image is halved after each.
        hidden: width of the dense layer.
        fold: side of the squares of pixels folded into channels first.
        mean: of the normalisation, one number or one for each channel.
        std: of the normalisation, likewise.
        dtype: of the computation; parameters and the last layer are float32.
    """

    num_classes: int = 10
    widths: tuple[int, ...] = (32, 64)
    hidden: int = 128
    fold: int = 1
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Logits, [N, K] float32, of images x, [N, H, W, C] in [0, 1]."""
        del train
        h = space_to_depth(normalise(x, self.mean, self.std), self.fold)
        for width in self.widths:
            h = nn.relu(conv3(width, dtype=self.dtype)(h))
            h = _halve(h)
        h = h.reshape(h.shape[0], -1)
        h = nn.relu(nn.Dense(self.hidden, dtype=self.dtype)(h))
        return nn.Dense(self.num_classes)(h.astype(jnp.float32))


class ConvNet(nn.Module):
    """Convolutions of one kind, each followed by ReLU, then hidden dense layers.

    These are the small networks of the literature on certified and adversarial
    training, whose weights can be read: two strided 4x4 convolutions (the defaults), or
    LeNet-5 and its variants, which pool.

    Attributes:
        num_classes: length of the logits.
        widths: channels of the convolutions.
        size: side of the kernels.
        stride: of the convolutions.
        padding: pixels of zeros on every side.
        pool: whether a 2x2 max-pool follows each ReLU.
        hidden: widths of the dense layers before the last.
        mean: of the normalisation, one number or one for each channel.
        std: of the normalisation, likewise.
        dtype: of the computation; parameters and the last layer are float32.

    Source: Wong and Kolter 2018, arXiv 1711.00851, section 5 (the defaults); LeCun et
    al. 1998, Proc. IEEE 86 (LeNet-5).
    """

    num_classes: int = 10
    widths: tuple[int, ...] = (16, 32)
    size: int = 4
    stride: int = 2
    padding: int = 1
    pool: bool = False
    hidden: tuple[int, ...] = (100,)
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Logits, [N, K] float32, of images x, [N, H, W, C] in [0, 1]."""
        del train
        h = normalise(x, self.mean, self.std)
        for width in self.widths:
            h = conv_layer(
                width,
                (self.size, self.size),
                (self.stride, self.stride),
                padding=[(self.padding, self.padding)] * 2,
                dtype=self.dtype,
            )(h)
            h = _halve(nn.relu(h)) if self.pool else nn.relu(h)
        h = h.reshape(h.shape[0], -1)
        for width in self.hidden:
            h = nn.relu(nn.Dense(width, dtype=self.dtype)(h))
        return nn.Dense(self.num_classes)(h.astype(jnp.float32))


class MLP(nn.Module):
    """Dense layers with ReLU on the flattened image.

    Attributes:
        num_classes: length of the logits.
        widths: of the hidden layers.
        mean: of the normalisation, one number or one for each channel.
        std: of the normalisation, likewise.
        dtype: of the computation; parameters and the last layer are float32.
    """

    num_classes: int = 10
    widths: tuple[int, ...] = (256, 128)
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Logits, [N, K] float32, of images x, [N, H, W, C] in [0, 1]."""
        del train
        h = normalise(x, self.mean, self.std).reshape(x.shape[0], -1)
        for width in self.widths:
            h = nn.relu(nn.Dense(width, dtype=self.dtype)(h))
        return nn.Dense(self.num_classes)(h.astype(jnp.float32))


def _halve(h: Array) -> Array:
    """The maximum of each 2 x 2 square; an odd last row or column is dropped.

    A maximum over separate axes has a much cheaper gradient on a CPU than a windowed
    reduction.
    """
    n, height, width, c = h.shape
    rows, columns = height // 2, width // 2
    squares = h[:, : 2 * rows, : 2 * columns].reshape(n, rows, 2, columns, 2, c)
    return jnp.max(squares, axis=(2, 4))
