"""Small pieces that several networks share."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from purifax.nets.conv import conv

__all__ = ["conv3", "conv_layer", "depth_to_space", "normalise", "space_to_depth"]

# Every convolution of the package is made here, so its lowering is one decision.
conv_layer: Callable[..., nn.Conv] = partial(nn.Conv, conv_general_dilated=conv)


def conv3(features: int, stride: int = 1, **options: Any) -> nn.Conv:
    """A 3x3 convolution padded by one pixel on every side, as torch pads it.

    XLA's "SAME" pads a strided convolution on one side only, which shifts the image by
    a pixel against the published networks.
    """
    return conv_layer(
        features, (3, 3), (stride, stride), padding=((1, 1), (1, 1)), **options
    )


def space_to_depth(x: Array, block: int) -> Array:
    """Folds each block x block square of pixels into the channels.

    Args:
        x: [N, H, W, C]; H and W are multiples of `block`.

    Returns:
        [N, H / block, W / block, block * block * C].
    """
    n, h, w, c = x.shape
    x = x.reshape(n, h // block, block, w // block, block, c)
    x = x.transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(n, h // block, w // block, block * block * c)


def depth_to_space(x: Array, block: int) -> Array:
    """The inverse of `space_to_depth`.

    Args:
        x: [N, H, W, block * block * C].

    Returns:
        [N, H * block, W * block, C].
    """
    n, h, w, c = x.shape
    x = x.reshape(n, h, w, block, block, c // block**2)
    x = x.transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(n, h * block, w * block, c // block**2)


def normalise(x: Array, mean: tuple[float, ...], std: tuple[float, ...]) -> Array:
    """(x - mean) / std, channel by channel.

    Args:
        x: [N, H, W, C].
        mean: C numbers, or one for all channels.
        std: C numbers, or one for all channels.

    Raises:
        ValueError: if there are neither C numbers nor one.
    """
    for name, numbers in (("mean", mean), ("std", std)):
        if len(numbers) not in (1, x.shape[-1]):
            raise ValueError(
                f"`{name}` has {len(numbers)} numbers but the image has {x.shape[-1]} "
                "channels; give one number for each channel, or one for all."
            )
    shift = jnp.asarray(mean, x.dtype).reshape(1, 1, 1, -1)
    return (x - shift) / jnp.asarray(std, x.dtype).reshape(1, 1, 1, -1)
