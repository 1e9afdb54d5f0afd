"""Small pieces that several networks share."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from purifax.nets.conv import conv

__all__ = [
    "conv3",
    "conv_layer",
    "depth_to_space",
    "larger",
    "max_pool_5x5",
    "normalise",
    "resize_align_corners",
    "space_to_depth",
    "torch_conv",
]

# Every convolution of the package is made here, so its lowering is one decision.
conv_layer: Callable[..., nn.Conv] = partial(nn.Conv, conv_general_dilated=conv)


def conv3(features: int, stride: int = 1, **options: Any) -> nn.Conv:
    """A 3x3 convolution padded by one pixel on every side, as torch pads it.

    XLA's "SAME" pads a strided convolution on one side only, which shifts the image by
    a pixel against the published networks.
    """
    options = {"padding": ((1, 1), (1, 1))} | options
    return conv_layer(features, (3, 3), (stride, stride), **options)


def torch_conv(
    x: Array,
    features: int,
    size: int | tuple[int, int],
    *,
    dtype: Any,
    name: str,
    stride: int = 1,
    padding: int | None = None,
    dilation: int = 1,
    use_bias: bool = True,
) -> nn.Conv:
    """A convolution padded and initialised as in PyTorch.

    Kernel and bias are uniform in plus or minus the inverse square root of the number
    of inputs of an output, which depends on the channels of x.

    Args:
        x: the input to which the layer will be applied, [N, H, W, C].
        features: channels of the output.
        size: of the kernel's sides.
        dtype: of the computation.
        name: of the layer in the tree of parameters.
        stride: of the kernel.
        padding: pixels on every side; None keeps the resolution.
        dilation: distance of the kernel's taps.
        use_bias: whether there is a bias.
    """
    sides = (size, size) if isinstance(size, int) else size
    start = _uniform((math.prod(sides) * x.shape[-1]) ** -0.5)
    kept = [dilation * (side // 2) if padding is None else padding for side in sides]
    return conv_layer(
        features,
        sides,
        (stride, stride),
        kernel_dilation=dilation,
        padding=[(border, border) for border in kept],
        use_bias=use_bias,
        kernel_init=start,
        bias_init=start,
        dtype=dtype,
        name=name,
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


def max_pool_5x5(x: Array) -> Array:
    """The maximum of each 5 x 5 neighbourhood, padded with -infinity.

    It is computed by two passes of shifted maxima, whose gradient is much cheaper on a
    CPU than that of a windowed reduction. Of equal pixels the first has the gradient.

    Args:
        x: [N, H, W, C].

    Returns:
        [N, H, W, C].

    >>> import jax.numpy as jnp
    >>> from purifax.nets.layers import max_pool_5x5
    >>> float(max_pool_5x5(-jnp.ones((1, 4, 4, 1))).max())
    -1.0
    """
    return _largest_of_five(_largest_of_five(x, 1), 2)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _largest_of_five(x: Array, axis: int) -> Array:
    return reduce(larger, _shifted(x, axis, -jnp.inf))


@_largest_of_five.defjvp
def _tangent_of_the_largest(
    axis: int, primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    """The tangent of the first pixel that equals the maximum.

    The derivatives of the maxima are the same, but would compute each maximum again.
    """
    shifted = _shifted(*primals, axis, -jnp.inf)
    y = lax.optimization_barrier(reduce(larger, shifted))
    *first, pushed = _shifted(*tangents, axis, 0.0)
    for value, push in zip(shifted[3::-1], first[::-1], strict=True):
        pushed = jnp.where(value == y, push, pushed)
    return y, pushed


def _shifted(x: Array, axis: int, beyond: float) -> list[Array]:
    """x moved by -2 to 2 along an axis, each of x's shape."""
    border = [(2, 2) if a == axis else (0, 0) for a in range(x.ndim)]
    padded = lax.optimization_barrier(jnp.pad(x, border, constant_values=beyond))
    size = x.shape[axis]
    return [lax.slice_in_dim(padded, k, k + size, axis=axis) for k in range(5)]


def larger(a: Array, b: Array) -> Array:
    """The elementwise maximum, whose derivative takes one comparison.

    `jnp.maximum` divides the gradient of a tie between both; here `a` has all of it.
    """
    return jnp.where(b > a, b, a)


def resize_align_corners(x: Array, shape: tuple[int, int]) -> Array:
    """Bilinear resizing that maps corner pixels to corner pixels.

    `jax.image.resize` aligns the pixels' outer edges instead.

    Args:
        x: [N, H, W, C].
        shape: the new height and width.

    Returns:
        [N, *shape, C].

    >>> import jax.numpy as jnp
    >>> from purifax.nets.layers import resize_align_corners
    >>> resize_align_corners(jnp.array([0.0, 1.0]).reshape(1, 1, 2, 1), (1, 3)).ravel()
    Array([0. , 0.5, 1. ], dtype=float32)
    """
    rows, columns = (
        jnp.asarray(_interpolation(old, new), x.dtype)
        for old, new in zip(x.shape[1:3], shape, strict=True)
    )
    if x.shape[1] != shape[0]:
        x = jnp.einsum("ph,nhwc->npwc", rows, x, precision="highest")
    if x.shape[2] != shape[1]:
        x = jnp.einsum("qw,nhwc->nhqc", columns, x, precision="highest")
    return x


def _interpolation(old: int, new: int) -> np.ndarray:
    """The [new, old] matrix of linear interpolation with aligned end points."""
    position = np.linspace(0, old - 1, new)
    return np.maximum(0, 1 - np.abs(position[:, None] - np.arange(old)))


def _uniform(bound: float) -> Callable[..., Array]:
    def draw(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return draw
