"""Residual classifiers: the CIFAR ResNets and ResNet-18.

All take images in [0, 1] and normalise them internally. Batch normalisation uses the
batch's statistics when `train` is true (apply with `mutable=["batch_stats"]` to keep
the running averages) and the running averages otherwise.

Paddings, strides and epsilons are those of the published torch models, so that their
weights can be converted.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from purifax.nets.layers import conv3, conv_layer, normalise

__all__ = ["ResNet", "ResNet18", "batch_norm", "kaiming"]

_kaiming = nn.initializers.variance_scaling(2.0, "fan_out", "normal")

_SHORTCUTS = ("A", "B", "plain")


def kaiming(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
    """Kaiming's start for ReLU over the fan out, as the published models have it."""
    return _kaiming(key, shape, dtype)


def batch_norm(train: bool, dtype: Any, name: str, momentum: float = 0.9) -> Any:
    """A normalisation by the batch in training, and by running averages otherwise."""
    return nn.BatchNorm(
        use_running_average=not train, momentum=momentum, dtype=dtype, name=name
    )


class ResNet(nn.Module):
    """The CIFAR ResNet of depth 6n + 2.

    Source: He et al. 2015, arXiv 1512.03385, section 4.2.

    Attributes:
        depth: 20, 32, 44, 56, ...
        num_classes: length of the logits.
        width: channels of the first stage; the next two double it.
        shortcuts: what a block adds where the shape changes: "A" has no parameters
            (every second pixel, and zeros for the new channels); "B" is a 1x1
            convolution and its normalisation; "plain" is that convolution with a bias
            and no normalisation.
        shifted: whether strided 3x3 convolutions pad the last side only, like "SAME"
            in XLA, instead of both sides like torch.
        mean: of the normalisation, one number or one for each channel.
        std: of the normalisation, likewise.
        dtype: of the computation; parameters and the last layer are float32.
    """

    depth: int = 20
    num_classes: int = 10
    width: int = 16
    shortcuts: str = "A"
    shifted: bool = False
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Logits, [N, K] float32, of images x, [N, H, W, C] in [0, 1]."""
        if self.depth < 8 or self.depth % 6 != 2:
            raise ValueError(
                f"`depth` must be 6n + 2 (20, 32, 44, 56, ...); got {self.depth}. "
                f"Did you mean {max(8, round((self.depth - 2) / 6) * 6 + 2)}?"
            )
        if self.shortcuts not in _SHORTCUTS:
            raise ValueError(
                f"`shortcuts` must be one of {_SHORTCUTS}; got {self.shortcuts!r}."
            )
        h = normalise(x, self.mean, self.std)
        h = conv3(self.width, use_bias=False, kernel_init=kaiming, dtype=self.dtype)(h)
        h = nn.relu(batch_norm(train, self.dtype, "bn1")(h))
        for stage in range(3):
            for i in range((self.depth - 2) // 6):
                h = _BasicBlock(
                    self.width * 2**stage,
                    2 if stage > 0 and i == 0 else 1,
                    shortcut=self.shortcuts,
                    shifted=self.shifted,
                    dtype=self.dtype,
                    name=f"layer{stage + 1}_{i}",
                )(h, train)
        h = jnp.mean(h, axis=(1, 2))
        return nn.Dense(self.num_classes, name="fc")(h.astype(jnp.float32))


class ResNet18(nn.Module):
    """ResNet-18 for small images, with a 3x3 stem and no pooling after it.

    11,173,962 parameters with 3 channels and 10 classes at width 64.

    Source: He et al. 2015, arXiv 1512.03385, table 1; the CIFAR stem is common use.

    Attributes:
        num_classes: length of the logits.
        width: channels of the first stage; the next three double it.
        mean: of the normalisation, one number or one for each channel.
        std: of the normalisation, likewise.
        dtype: of the computation; parameters and the last layer are float32.
    """

    num_classes: int = 10
    width: int = 64
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Logits, [N, K] float32, of images x, [N, H, W, C] in [0, 1]."""
        h = normalise(x, self.mean, self.std)
        h = conv3(
            self.width,
            use_bias=False,
            kernel_init=kaiming,
            dtype=self.dtype,
            name="conv1",
        )(h)
        h = nn.relu(batch_norm(train, self.dtype, "bn1")(h))
        for stage in range(4):
            for i in range(2):
                h = _BasicBlock(
                    self.width * 2**stage,
                    2 if stage > 0 and i == 0 else 1,
                    shortcut="B",
                    shifted=False,
                    dtype=self.dtype,
                    name=f"layer{stage + 1}_{i}",
                )(h, train)
        h = jnp.mean(h, axis=(1, 2))
        return nn.Dense(self.num_classes, name="fc")(h.astype(jnp.float32))


class _BasicBlock(nn.Module):
    """relu(norm(conv(relu(norm(conv(h))))) + shortcut(h))."""

    features: int
    stride: int
    shortcut: str  # see `ResNet`
    shifted: bool
    dtype: Any

    @nn.compact
    def __call__(self, h: Array, train: bool) -> Array:
        options = {"use_bias": False, "kernel_init": kaiming, "dtype": self.dtype}
        first = options | ({"padding": "SAME"} if self.shifted else {})
        r = conv3(self.features, self.stride, name="conv1", **first)(h)
        r = nn.relu(batch_norm(train, self.dtype, "bn1")(r))
        r = conv3(self.features, name="conv2", **options)(r)
        r = batch_norm(train, self.dtype, "bn2")(r)
        return nn.relu(r + self._short(h, train))

    def _short(self, h: Array, train: bool) -> Array:
        if self.stride == 1 and h.shape[-1] == self.features:
            return h
        if self.shortcut == "A":
            new = self.features - h.shape[-1]
            h = h[:, :: self.stride, :: self.stride]
            return jnp.pad(h, ((0, 0), (0, 0), (0, 0), (new // 2, new - new // 2)))
        h = conv_layer(
            self.features,
            (1, 1),
            (self.stride, self.stride),
            padding="VALID",
            name="shortcut",
            use_bias=self.shortcut == "plain",
            kernel_init=kaiming,
            dtype=self.dtype,
        )(h)
        if self.shortcut == "plain":
            return h
        return batch_norm(train, self.dtype, "shortcut_bn")(h)
