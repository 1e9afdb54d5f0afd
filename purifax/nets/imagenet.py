"""Residual classifiers for photographs, as torchvision has them."""

from __future__ import annotations

from functools import partial, reduce
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from purifax.nets.layers import conv_layer, larger, normalise
from purifax.nets.resnet import kaiming

__all__ = ["ImageNetResNet"]

# Depth to blocks at each resolution, and whether a block narrows in its middle.
_LAYOUTS = {
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
    152: ((3, 8, 36, 3), True),
}


class ImageNetResNet(nn.Module):
    """The ResNets for ImageNet: a 7x7 stem, a pooling, and four resolutions.

    With `stem=3` it is the form for small images: a 3x3 stem without stride or pooling.

    From depth 50 on, a block has 1x1, 3x3 and 1x1 convolutions, and the middle one is
    strided. ResNet-50 has 25,557,032 parameters, ResNet-18 11,689,512.

    Source: He et al. 2015, arXiv 1512.03385, table 1; torchvision's strides.

    Attributes:
        depth: 18, 34, 50, 101 or 152.
        num_classes: length of the logits.
        width: channels of the first resolution; the next three double it.
        widen: factor on the middle of a block of three: 2 in the wide ResNets.
        stem: side of the first convolution, 7 or 3.
        mean: of the normalisation, one number or one for each channel.
        std: of the normalisation, likewise.
        dtype: of the computation; parameters and the last layer are float32.
    """

    depth: int = 50
    num_classes: int = 1000
    width: int = 64
    widen: int = 1
    stem: int = 7
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Logits, [N, K] float32, of images x, [N, H, W, C] in [0, 1]."""
        if self.depth not in _LAYOUTS:
            raise ValueError(
                f"`depth` must be one of {', '.join(map(str, _LAYOUTS))}; got "
                f"{self.depth}."
            )
        if self.stem not in (3, 7):
            raise ValueError(f"`stem` must be 3 or 7; got {self.stem}.")
        counts, narrow = _LAYOUTS[self.depth]
        conv, norm = _layers(train, self.dtype)
        h = normalise(x, self.mean, self.std)
        photographs = self.stem == 7
        h = conv(self.width, self.stem, 2 if photographs else 1, name="conv1")(h)
        h = nn.relu(norm(name="bn1")(h))
        h = _pool(h) if photographs else h
        for stage, count in enumerate(counts):
            for i in range(count):
                h = _Block(
                    self.width * 2**stage,
                    2 if stage > 0 and i == 0 else 1,
                    narrow,
                    self.widen,
                    self.dtype,
                    name=f"layer{stage + 1}_{i}",
                )(h, train)
        h = jnp.mean(h, axis=(1, 2))
        return nn.Dense(self.num_classes, name="fc")(h.astype(jnp.float32))


class _Block(nn.Module):
    """relu(branch(h) + shortcut(h)), with two convolutions, or three if `narrow`."""

    width: int
    stride: int
    narrow: bool
    widen: int
    dtype: Any

    @nn.compact
    def __call__(self, h: Array, train: bool) -> Array:
        conv, norm = _layers(train, self.dtype)
        middle, last = self.width * self.widen, self.width * (4 if self.narrow else 1)
        sizes = [(middle, 3, self.stride), (last, 3, 1)]
        if self.narrow:
            sizes = [(middle, 1, 1), (middle, 3, self.stride), (last, 1, 1)]
        r = h
        for i, (width, size, stride) in enumerate(sizes, start=1):
            r = norm(name=f"bn{i}")(conv(width, size, stride, name=f"conv{i}")(r))
            r = nn.relu(r) if i < len(sizes) else r
        if self.stride != 1 or h.shape[-1] != last:
            h = norm(name="shortcut_bn")(conv(last, 1, self.stride, name="shortcut")(h))
        return nn.relu(r + h)


def _layers(train: bool, dtype: Any) -> tuple[Any, Any]:
    """Functions that make a convolution (width, side, stride) and a normalisation."""
    norm = partial(nn.BatchNorm, not train, momentum=0.9, dtype=dtype)

    def conv(width: int, side: int, stride: int, name: str) -> nn.Conv:
        return conv_layer(
            width,
            (side, side),
            (stride, stride),
            padding=[(side // 2,) * 2] * 2,
            use_bias=False,
            kernel_init=kaiming,
            dtype=dtype,
            name=name,
        )

    return conv, norm


def _pool(h: Array) -> Array:
    """The maximum of the 3 x 3 pixels around every second pixel.

    Shifted maxima have a much cheaper gradient on a CPU than a windowed reduction.
    """
    for axis in (1, 2):
        size = h.shape[axis]
        border = [(1, 1) if a == axis else (0, 0) for a in range(4)]
        padded = jnp.pad(h, border, constant_values=-jnp.inf)
        shifted = [
            jax.lax.slice_in_dim(padded, k, k + size, stride=2, axis=axis)
            for k in range(3)
        ]
        h = reduce(larger, shifted)
    return h
