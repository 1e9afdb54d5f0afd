"""Residual classifiers for small images, normalised before each convolution.

Source: He et al. 2016, arXiv 1603.05027; Gowal et al. 2020, arXiv 2010.03593 (silu,
shortcuts of 3x3, `shifted`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from purifax.nets.activations import activation
from purifax.nets.layers import conv3, conv_layer, normalise
from purifax.nets.resnet import batch_norm, kaiming

__all__ = ["PreActResNet"]

_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
_SHORTCUTS = ("raw", "activated")


class PreActResNet(nn.Module):
    """ResNet-18 or 34 with a 3x3 stem and blocks that normalise first.

    11,171,146 parameters with 3 channels and 10 classes at width 64, depth 18 and
    without a last normalisation.

    Attributes:
        depth: 18 or 34.
        num_classes: length of the logits.
        width: channels of the first stage; the next three double it.
        shortcut: where a shortcut with a convolution starts: "raw", at the block's
            input, or "activated", after its first normalisation.
        shortcut_size: side of that convolution, 1 or 3.
        last_norm: whether a normalisation and an activation precede the pooling.
        activation: "relu" or "silu".
        shifted: whether strided 3x3 convolutions pad the last side only, like "SAME"
            in XLA, instead of both sides like torch.
        mean: of the normalisation, one number or one for each channel.
        std: of the normalisation, likewise.
        dtype: of the computation; parameters and the last layer are float32.
    """

    depth: int = 18
    num_classes: int = 10
    width: int = 64
    shortcut: str = "raw"
    shortcut_size: int = 1
    last_norm: bool = False
    activation: str = "relu"
    shifted: bool = False
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Logits, [N, K] float32, of images x, [N, H, W, C] in [0, 1]."""
        if self.depth not in _BLOCKS:
            raise ValueError(f"`depth` must be 18 or 34; got {self.depth}.")
        if self.shortcut not in _SHORTCUTS:
            raise ValueError(
                f"`shortcut` must be one of {_SHORTCUTS}; got {self.shortcut!r}."
            )
        if self.shortcut_size not in (1, 3):
            raise ValueError(
                f"`shortcut_size` must be 1 or 3; got {self.shortcut_size}."
            )
        act = activation(self.activation)
        options = {"use_bias": False, "kernel_init": kaiming, "dtype": self.dtype}
        h = normalise(x, self.mean, self.std)
        h = conv3(self.width, name="conv1", **options)(h)
        for stage, count in enumerate(_BLOCKS[self.depth]):
            for i in range(count):
                h = _Block(
                    self.width * 2**stage,
                    2 if stage > 0 and i == 0 else 1,
                    self.shortcut,
                    self.shortcut_size,
                    self.shifted,
                    self.dtype,
                    name=f"layer{stage + 1}_{i}",
                )(h, act, train)
        if self.last_norm:
            h = act(batch_norm(train, self.dtype, "bn")(h))
        h = jnp.mean(h, axis=(1, 2))
        return nn.Dense(self.num_classes, name="fc")(h.astype(jnp.float32))


class _Block(nn.Module):
    """shortcut(h) + conv(act(norm(conv(act(norm(h))))))."""

    features: int
    stride: int
    shortcut: str
    shortcut_size: int
    shifted: bool
    dtype: Any

    @nn.compact
    def __call__(self, h: Array, act: Callable[[Array], Array], train: bool) -> Array:
        options = {"use_bias": False, "kernel_init": kaiming, "dtype": self.dtype}
        strided = options | ({"padding": "SAME"} if self.shifted else {})
        r = act(batch_norm(train, self.dtype, "bn1")(h))
        if self.stride != 1 or h.shape[-1] != self.features:
            start = h if self.shortcut == "raw" else r
            if self.shortcut_size == 3:
                short = conv3(self.features, self.stride, name="shortcut", **strided)
            else:
                short = conv_layer(
                    self.features,
                    (1, 1),
                    (self.stride, self.stride),
                    padding="VALID",
                    name="shortcut",
                    **options,
                )
            h = short(start)
        r = conv3(self.features, self.stride, name="conv1", **strided)(r)
        r = act(batch_norm(train, self.dtype, "bn2")(r))
        return h + conv3(self.features, name="conv2", **options)(r)
