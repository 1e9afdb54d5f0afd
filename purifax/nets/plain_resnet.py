"""A residual classifier without normalisation layers, from network verification."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from purifax.nets.layers import conv3, conv_layer, normalise

__all__ = ["PlainResNet"]


class PlainResNet(nn.Module):
    """Residual blocks of biased convolutions, and two dense layers.

    The first convolution and the first block of each stage halve the resolution. The
    defaults are the ResNet-2B of the verification competition of 2021: 112,006
    parameters for images of 32 x 32 x 3. ResNet-4B has width 16 and two stages of 32.

    Source: Bak, Liu and Johnson 2021, arXiv 2109.00498, section on cifar10_resnet.

    Attributes:
        num_classes: length of the logits.
        width: channels of the first convolution.
        widths: channels of each stage; () is one stage of twice `width`.
        blocks: residual blocks of a stage.
        hidden: width of the dense layer before the last.
        mean: of the normalisation, one number or one for each channel.
        std: of the normalisation, likewise.
        dtype: of the computation; parameters and the last layer are float32.
    """

    num_classes: int = 10
    width: int = 8
    widths: tuple[int, ...] = ()
    blocks: int = 2
    hidden: int = 100
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Logits, [N, K] float32, of images x, [N, H, W, C] in [0, 1]."""
        del train
        h = normalise(x, self.mean, self.std)
        h = nn.relu(conv3(self.width, 2, dtype=self.dtype, name="conv1")(h))
        for stage, width in enumerate(self.widths or (2 * self.width,), start=1):
            for i in range(self.blocks):
                name = f"layer{stage}_{i}"
                h = _Block(width, 1 + (i == 0), self.dtype, name=name)(h)
        h = h.reshape(h.shape[0], -1)
        h = nn.relu(nn.Dense(self.hidden, dtype=self.dtype, name="linear1")(h))
        return nn.Dense(self.num_classes, name="linear2")(h.astype(jnp.float32))


class _Block(nn.Module):
    """relu(conv(relu(conv(h))) + shortcut(h))."""

    features: int
    stride: int
    dtype: Any

    @nn.compact
    def __call__(self, h: Array) -> Array:
        r = conv3(self.features, self.stride, dtype=self.dtype, name="conv1")(h)
        r = conv3(self.features, dtype=self.dtype, name="conv2")(nn.relu(r))
        if self.stride != 1 or h.shape[-1] != self.features:
            h = conv_layer(
                self.features,
                (1, 1),
                (self.stride, self.stride),
                padding="VALID",
                dtype=self.dtype,
                name="shortcut",
            )(h)
        return nn.relu(r + h)
