"""NCSNv2, the score network of ADP.

A RefineNet over four stages of residual blocks. The first stage keeps the image's
resolution, the second halves it, and the third and fourth keep that half and dilate
their convolutions instead. The network is not given sigma. Like the weights that ADP
uses, it returns the scaled score f = sigma * score, which is minus the predicted unit
noise.

Source: Song and Ermon 2020, arXiv 2006.09011, appendix A, with the authors' settings
(ELU, InstanceNorm++). Parameters carry the names of the authors' PyTorch modules, so
that `purifax.weights.ncsnv2.convert` needs one rule.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from purifax.nets.layers import max_pool_5x5, resize_align_corners, torch_conv

__all__ = ["InstanceNormPlus", "NCSNv2"]


class NCSNv2(nn.Module):
    """The score network of ADP, unconditional on sigma.

    29,694,083 parameters at width 128 with 3 channels.

    Attributes:
        width: channels at full resolution; twice that at half resolution.
        channels: channels of the image.
        dtype: of the computation; parameters are float32.
    """

    width: int = 128
    channels: int = 3
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, sigma: Array | None = None) -> Array:
        """The scaled score.

        Args:
            x: noisy images, [N, H, W, C] in [0, 1] before noise; H and W are even.
            sigma: ignored; an argument so that all score networks have one signature.

        Returns:
            f, [N, H, W, C], float32.
        """
        del sigma
        self._check(x)
        stages = self._stages(2 * x.astype(jnp.float32) - 1)

        wide = 2 * self.width
        h = _Refine(wide, 1, self.dtype, name="refine1")([stages[3]])
        h = _Refine(wide, 1, self.dtype, name="refine2")([stages[2], h])
        h = _Refine(self.width, 1, self.dtype, name="refine3")([stages[1], h])
        h = _Refine(self.width, 3, self.dtype, name="refine4")([stages[0], h])

        h = InstanceNormPlus(name="normalizer")(h)
        end = torch_conv(h, self.channels, 3, dtype=self.dtype, name="end_conv")
        return end(nn.elu(h)).astype(jnp.float32)

    def _stages(self, x: Array) -> list[Array]:
        h = torch_conv(x, self.width, 3, dtype=self.dtype, name="begin_conv")(x)
        wide = 2 * self.width
        stages = []
        for k, (features, down, dilation) in enumerate(
            [(self.width, False, 1), (wide, True, 1), (wide, True, 2), (wide, True, 4)],
            start=1,
        ):
            for i in range(2):
                h = _Residual(
                    features, down and i == 0, dilation, self.dtype, name=f"res{k}_{i}"
                )(h)
            stages.append(h)
        return stages

    def _check(self, x: Array) -> None:
        _, height, width, channels = x.shape
        if height % 2 or width % 2 or channels != self.channels:
            raise ValueError(
                f"NCSNv2(channels={self.channels}) wants images with {self.channels} "
                f"channels and even sides; got {height} x {width} x {channels}."
            )


class InstanceNormPlus(nn.Module):
    """InstanceNorm++: instance normalisation that keeps differences between channels.

    With mu the spatial means of an example's channels, normalised over the channels
    (unbiased variance) to m, and IN the instance normalisation (biased variance),

        gamma * (IN(x) + alpha * m) + beta.

    There are no running statistics, and examples do not depend on each other. The
    statistics are computed in float32 whatever the dtype.

    Source: Song and Ermon 2019, arXiv 1907.05600, appendix A.1.
    """

    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """The normalised features, like x, [N, H, W, C] with C at least 2."""
        shape = (x.shape[-1],)
        near_one = _near_one(0.02)
        alpha = self.param("alpha", near_one, shape).reshape(1, 1, 1, -1)
        gamma = self.param("gamma", near_one, shape).reshape(1, 1, 1, -1)
        beta = self.param("beta", nn.initializers.zeros, shape).reshape(1, 1, 1, -1)

        h = x.astype(jnp.float32)
        mean = jnp.mean(h, axis=(1, 2), keepdims=True)
        variance = jnp.var(h, axis=(1, 2), keepdims=True)
        h = (h - mean) * jax.lax.rsqrt(variance + self.epsilon)

        spread = jnp.var(mean, axis=-1, keepdims=True, ddof=1)
        pattern = mean - jnp.mean(mean, axis=-1, keepdims=True)
        pattern = pattern * jax.lax.rsqrt(spread + self.epsilon)
        return (gamma * (h + alpha * pattern) + beta).astype(x.dtype)


class _Residual(nn.Module):
    """conv(elu(norm(conv(elu(norm(x)))))) + shortcut(x).

    A block at the start of a stage halves the resolution by averaging 2 x 2 pixels,
    unless its convolutions are dilated.
    """

    features: int
    down: bool
    dilation: int
    dtype: Any

    @nn.compact
    def __call__(self, x: Array) -> Array:
        options = {"dilation": self.dilation, "dtype": self.dtype}
        middle = x.shape[-1] if self.down else self.features
        halved = self.down and self.dilation == 1

        h = nn.elu(InstanceNormPlus(name="normalize1")(x))
        h = torch_conv(h, middle, 3, **options, name="conv1")(h)
        h = nn.elu(InstanceNormPlus(name="normalize2")(h))
        h = torch_conv(h, self.features, 3, **options, name="conv2")(h)

        if halved:
            # Averaging and a 1 x 1 convolution commute: the cheaper one goes first.
            h, x = _mean_pool(h), _mean_pool(x)
        if self.down or x.shape[-1] != self.features:
            size = 3 if self.dilation > 1 else 1
            x = torch_conv(x, self.features, size, **options, name="shortcut")(x)
        return x + h


class _Refine(nn.Module):
    """Adapts each input, fuses them at the first one's resolution, pools, adapts."""

    features: int
    last_blocks: int
    dtype: Any

    @nn.compact
    def __call__(self, inputs: list[Array]) -> Array:
        adapted = [
            _Adapt(2, self.dtype, name=f"adapt_convs_{i}")(x)
            for i, x in enumerate(inputs)
        ]
        h = adapted[0]
        if len(adapted) > 1:
            h = _Fuse(self.features, self.dtype, name="msf")(adapted)
        h = _ChainedPool(self.dtype, name="crp")(h)
        return _Adapt(self.last_blocks, self.dtype, name="output_convs")(h)


class _Adapt(nn.Module):
    """Residual convolution units: twice elu and convolution, added to their input."""

    blocks: int
    dtype: Any

    @nn.compact
    def __call__(self, x: Array) -> Array:
        for b in range(1, self.blocks + 1):
            h = x
            for s in (1, 2):
                h = _plain(h, self.dtype, f"{b}_{s}_conv")(nn.elu(h))
            x = x + h
        return x


class _Fuse(nn.Module):
    """Multi-resolution fusion: convolve each input, resize to the first, add."""

    features: int
    dtype: Any

    @nn.compact
    def __call__(self, inputs: list[Array]) -> Array:
        _, height, width, _ = inputs[0].shape
        fused = []
        for i, x in enumerate(inputs):
            h = torch_conv(x, self.features, 3, dtype=self.dtype, name=f"convs_{i}")(x)
            fused.append(resize_align_corners(h, (height, width)))
        return reduce(jnp.add, fused)


class _ChainedPool(nn.Module):
    """Chained residual pooling: two stages of max-pool and convolution, all added."""

    dtype: Any

    @nn.compact
    def __call__(self, x: Array) -> Array:
        x = nn.elu(x)
        path = x
        for i in range(2):
            path = max_pool_5x5(path)
            path = _plain(path, self.dtype, f"convs_{i}")(path)
            x = x + path
        return x


def _plain(x: Array, dtype: Any, name: str) -> nn.Conv:
    return torch_conv(x, x.shape[-1], 3, use_bias=False, dtype=dtype, name=name)


def _mean_pool(x: Array) -> Array:
    n, h, w, c = x.shape
    return jnp.mean(x.reshape(n, h // 2, 2, w // 2, 2, c), axis=(2, 4))


def _near_one(spread: float) -> Callable[..., Array]:
    def draw(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        return 1 + spread * jax.random.normal(key, shape, dtype)

    return draw
