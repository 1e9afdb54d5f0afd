"""The parts of a diffusion UNet, and how they are joined into a U.

Below, c is the embedding of the time (and of a label), [N, E], and h are features,
[N, H, W, C]. Normalisations and softmaxes are computed in float32 whatever the dtype.

Source: Ho et al. 2020, arXiv 2006.11239, appendix B; Dhariwal and Nichol 2021,
arXiv 2105.05233, section 3 (scale and shift, blocks that resize).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from purifax.nets.attention import attend
from purifax.nets.layers import conv3, conv_layer
from purifax.nets.resample import double, halve

__all__ = [
    "PixelAttention",
    "ResidualBlock",
    "TimeEmbedding",
    "check",
    "group_norm",
    "head_count",
    "u_shape",
]

_zeros = nn.initializers.zeros


class TimeEmbedding(nn.Module):
    """dense2(silu(dense1(features))): features of a time, [N, F] -> [N, width]."""

    width: int
    dtype: Any

    @nn.compact
    def __call__(self, features: Array) -> Array:
        """c, [N, width]."""
        h = nn.Dense(self.width, dtype=self.dtype, name="dense1")(features)
        return nn.Dense(self.width, dtype=self.dtype, name="dense2")(nn.silu(h))


class ResidualBlock(nn.Module):
    """h + conv2(silu(norm2(conv1(silu(norm1(h))) + time(silu(c))))).

    With `scale_shift` the second normalisation is followed by a factor (1 + scale) and
    a shift, the two halves of time(silu(c)), instead of being preceded by a shift.
    conv2 is initialised to zero. Where the number of channels changes, h passes through
    a 1x1 convolution.

    Attributes:
        features: channels of the output.
        groups: of the normalisations.
        epsilon: of the normalisations.
        scale_shift: how c enters.
        resize: "up" or "down" doubles or halves the resolution of both paths, between
            the first silu and conv1; "" keeps it.
        dropout: probability, before conv2.
        dtype: of the computation; parameters are float32.
    """

    features: int
    groups: int
    epsilon: float
    scale_shift: bool = False
    resize: str = ""
    dropout: float = 0.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, h: Array, c: Array | None, train: bool) -> Array:
        """[N, H', W', features]; c is None in a network without time."""
        r = nn.silu(group_norm(self.groups, self.epsilon, self.dtype, "norm1")(h))
        if self.resize:
            resize = {"up": double, "down": halve}[self.resize]
            r, h = resize(r), resize(h)
        r = conv3(self.features, dtype=self.dtype, name="conv1")(r)

        width = self.features * (2 if self.scale_shift else 1)
        if c is not None:
            dense = nn.Dense(width, dtype=self.dtype, name="time")
            c = dense(nn.silu(c))[:, None, None]
        norm2 = group_norm(self.groups, self.epsilon, self.dtype, "norm2")
        if c is None:
            r = norm2(r)
        elif self.scale_shift:
            scale, shift = jnp.split(c, 2, axis=-1)
            r = norm2(r) * (1 + scale) + shift
        else:
            r = norm2(r + c)

        r = nn.Dropout(self.dropout, deterministic=not train)(nn.silu(r))
        r = conv3(self.features, kernel_init=_zeros, dtype=self.dtype, name="conv2")(r)
        if h.shape[-1] != self.features:
            shortcut = conv_layer(
                self.features, (1, 1), dtype=self.dtype, name="shortcut"
            )
            h = shortcut(h)
        return h + r


class PixelAttention(nn.Module):
    """h + out(attend(q, k, v)) of the normalised pixels; `out` is initialised to zero.

    The channels of q, k and v are ordered as heads x channels of a head.

    Attributes:
        heads: must divide the channels.
        groups: of the normalisation; None for no normalisation.
        epsilon: of the normalisation.
        dtype: of the computation; parameters are float32.
    """

    heads: int
    groups: int | None
    epsilon: float
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, h: Array) -> Array:
        """Like h."""
        n, height, width, channels = h.shape
        if self.heads < 1 or channels % self.heads:
            raise ValueError(
                f"{self.heads} attention heads do not divide {channels} channels."
            )
        r = h
        if self.groups is not None:
            r = group_norm(self.groups, self.epsilon, self.dtype, "norm")(h)
        r = r.reshape(n, height * width, channels)
        q, k, v = (
            nn.Dense(channels, dtype=self.dtype, name=name)(r).reshape(
                n, height * width, self.heads, -1
            )
            for name in ("q", "k", "v")
        )
        r = attend(q, k, v).reshape(r.shape)
        out = nn.Dense(channels, kernel_init=_zeros, dtype=self.dtype, name="out")
        return h + out(r).reshape(h.shape)


def u_shape(
    h: Array,
    widths: Sequence[int],
    blocks: int,
    *,
    block: Callable[[Array, int, str], Array],
    middle: Callable[[Array], Array],
    down: Callable[[Array, int], Array],
    up: Callable[[Array, int], Array],
) -> Array:
    """Features passed through the levels down and up again, with skip connections.

    Every output of the way down, h included, is concatenated to the input of one block
    of the way up, in reverse order; so there is one more block at each level on the way
    up.

    Args:
        h: [N, H, W, C].
        widths: channels of each level, from fine to coarse.
        blocks: at each level on the way down.
        block: (h, level, place) to features of the level; `place` is "down0_0" for
            the first on the way down at level 0.
        middle: keeps the shape.
        down: (h, level) to half the resolution.
        up: (h, level) to twice the resolution.

    Returns:
        [N, H, W, widths[0]].

    >>> import jax.numpy as jnp
    >>> from purifax.nets.resample import double, halve
    >>> from purifax.nets.unet_blocks import u_shape
    >>> places = []
    >>> h = u_shape(
    ...     jnp.zeros((1, 4, 4, 1)), (1, 1), 1,
    ...     block=lambda h, level, place: places.append(place) or h[..., :1],
    ...     middle=lambda h: h,
    ...     down=lambda h, level: halve(h),
    ...     up=lambda h, level: double(h),
    ... )
    >>> places
    ['down0_0', 'down1_0', 'up1_0', 'up1_1', 'up0_0', 'up0_1']
    """
    made = [h]
    for level in range(len(widths)):
        for i in range(blocks):
            h = block(h, level, f"down{level}_{i}")
            made.append(h)
        if level + 1 < len(widths):
            h = down(h, level)
            made.append(h)

    h = middle(h)

    for level in reversed(range(len(widths))):
        for i in range(blocks + 1):
            h = block(
                jnp.concatenate([h, made.pop()], axis=-1), level, f"up{level}_{i}"
            )
        if level:
            h = up(h, level)
    return h


def check(
    kind: str, x: Array, channels: int, levels: int, attention: Sequence[int]
) -> None:
    """Refuse images that cannot be halved, and levels that do not exist.

    Raises:
        ValueError: the image or `attention` does not fit a network of this kind.
    """
    _, height, width, got = x.shape
    step = 2 ** (levels - 1)
    if height % step or width % step or got != channels:
        raise ValueError(
            f"{kind}(channels={channels}) of {levels} levels wants images with "
            f"{channels} channels and sides that divide by {step}; "
            f"got {height} x {width} x {got}."
        )
    if not set(attention) <= set(range(levels)):
        raise ValueError(
            f"`attention` names levels, 0 to {levels - 1}; got {tuple(attention)}."
        )


def head_count(channels: int, head_width: int) -> int:
    """The number of attention heads with this many channels each.

    Raises:
        ValueError: they do not divide the channels.

    >>> head_count(256, 64)
    4
    """
    if channels % head_width:
        raise ValueError(
            f"attention heads of {head_width} channels do not divide {channels}."
        )
    return channels // head_width


def group_norm(
    groups: int, epsilon: float, dtype: Any, name: str
) -> Callable[[Array], Array]:
    """Group normalisation whose variance is computed from centred values.

    Flax's default, the mean square minus the squared mean, loses digits.

    Args:
        groups: their number; 0 is a quarter of the channels, at most 32.
    """

    def norm(h: Array) -> Array:
        count = groups or min(h.shape[-1] // 4, 32)
        return nn.GroupNorm(
            count, epsilon=epsilon, use_fast_variance=False, dtype=dtype, name=name
        )(h)

    return norm
