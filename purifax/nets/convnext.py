"""ConvNeXt: a convolutional network built like a vision transformer.

Source: Liu et al. 2022, arXiv 2201.03545.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from purifax.nets.layers import conv_layer, normalise
from purifax.nets.transformer import FeedForward, layer_norm, over

__all__ = ["ConvNeXt"]


class ConvNeXt(nn.Module):
    """Four resolutions of depthwise 7x7 convolutions and feed-forward networks.

    The defaults are ConvNeXt-T with 28,589,128 parameters.

    Attributes:
        depths: blocks at each resolution.
        widths: channels of each resolution.
        patch: side of the squares of pixels that the stem folds.
        num_classes: length of the logits.
        epsilon: of the normalisations.
        mean: of the normalisation of images, one number or one for each channel.
        std: of that normalisation, likewise.
        dtype: of the computation; parameters and the last layer are float32.
    """

    depths: tuple[int, ...] = (3, 3, 9, 3)
    widths: tuple[int, ...] = (96, 192, 384, 768)
    patch: int = 4
    num_classes: int = 1000
    epsilon: float = 1e-6
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Logits, [N, K] float32, of images x, [N, H, W, C] in [0, 1]."""
        del train
        if len(self.depths) != len(self.widths):
            raise ValueError(
                f"`depths` {self.depths} and `widths` {self.widths} differ in length."
            )
        h = self._fold(normalise(x, self.mean, self.std), 0)
        h = layer_norm(self.epsilon, self.dtype, "norm0")(h)
        for stage, depth in enumerate(self.depths):
            if stage:
                h = layer_norm(self.epsilon, self.dtype, f"norm{stage}")(h)
                h = self._fold(h, stage)
            for i in range(depth):
                h = _Block(self.epsilon, self.dtype, name=f"stage{stage}_{i}")(h)
        h = jnp.mean(h, axis=(1, 2))
        h = layer_norm(self.epsilon, jnp.float32, "norm")(h)
        return nn.Dense(self.num_classes, name="head")(h)

    def _fold(self, h: Array, stage: int) -> Array:
        """Squares of pixels as one pixel of the stage's width."""
        side = 2 if stage else self.patch
        return conv_layer(
            self.widths[stage],
            (side, side),
            (side, side),
            padding="VALID",
            dtype=self.dtype,
            name=f"fold{stage}",
        )(h)


class _Block(nn.Module):
    """h + gamma mlp(norm(depthwise(h)))."""

    epsilon: float
    dtype: Any

    @nn.compact
    def __call__(self, h: Array) -> Array:
        channels = h.shape[-1]
        r = conv_layer(
            channels,
            (7, 7),
            padding=[(3, 3)] * 2,
            feature_group_count=channels,
            dtype=self.dtype,
            name="depthwise",
        )(h)
        r = layer_norm(self.epsilon, self.dtype, "norm")(r)
        r = FeedForward(4 * channels, dtype=self.dtype, name="mlp")(r)
        gamma = self.param("gamma", nn.initializers.constant(1e-6), (channels,))
        return h + over(gamma, r) * r
