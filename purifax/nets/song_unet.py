"""The UNet of Song et al. 2021, the base of DDPM++, NCSN++ and EDM's networks.

Its residual blocks are those of BigGAN, which also change the resolution. Each sum of
two branches is divided by sqrt 2, and there is attention with one head at chosen
resolutions. NCSN++ filters when it changes the resolution, and adds a pyramid of its
input to the way down.

Source: Song et al. 2021, arXiv 2011.13456, section 4 and appendix H.
"""

from __future__ import annotations

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from purifax.nets import resample
from purifax.nets.attention import attend
from purifax.nets.embedding import sinusoid
from purifax.nets.layers import conv3, conv_layer, depth_to_space, space_to_depth
from purifax.nets.unet_blocks import check

__all__ = ["Song"]

_start = nn.initializers.variance_scaling(1.0, "fan_avg", "uniform")
# Branches start at nearly nothing.
_silent = nn.initializers.variance_scaling(1e-10, "fan_avg", "uniform")
_HALF = math.sqrt(0.5)


class Song(nn.Module):
    """The UNet; subclasses define its inputs and what it predicts.

    Attributes:
        channels: of the image.
        width: channels at the finest resolution.
        multiples: channels at each resolution, in multiples of `width`.
        blocks: residual blocks at each resolution on the way down; one more on the way
            up.
        attention: levels whose blocks have attention; 0 is the finest.
        embedding: of the noise: "positional", or "fourier" with fixed random
            frequencies.
        filtered: whether a change of resolution filters.
        residual_input: whether the way down also receives the image at each resolution,
            convolved and summed from level to level.
        pyramids: whether instead the halved image is added on the way down, and images
            of all resolutions are summed into the output, as in the networks for 256
            pixels and more.
        fold: side of the squares of pixels that are folded into channels first; 1 in
            the published networks.
        dropout: rate inside the residual blocks, while training.
        num_classes: of labels that it may be given; 0 for none.
        augmentations: how many numbers describe the augmentation of an image; 0 for
            none.
        dtype: of the computation; parameters are float32.
    """

    channels: int = 3
    width: int = 128
    multiples: tuple[int, ...] = (1, 2, 2, 2)
    blocks: int = 4
    attention: tuple[int, ...] = (1,)
    embedding: str = "positional"
    filtered: bool = False
    residual_input: bool = False
    pyramids: bool = False
    fold: int = 1
    dropout: float = 0.1
    num_classes: int = 0
    augmentations: int = 0
    dtype: Any = jnp.float32

    @nn.compact
    def unet(
        self,
        x: Array,
        level: Array,
        train: bool,
        label: Array | None = None,
        augmentation: Array | None = None,
    ) -> Array:
        """The output of the last layer, [N, H, W, C] float32.

        Args:
            x: [N, H, W, C].
            level: of the noise, as the subclass defines it, [N].
            label: of a class, [N] integers; None is no class.
            augmentation: description of the augmentation, [N, A]; None is no
                augmentation.
        """
        self._check(x)
        c = self._condition(level, label, augmentation)
        x = space_to_depth(x.astype(self.dtype), self.fold)
        h = self._conv(self.width, "conv_in")(x)
        h, skips = self._way_down(x, h, c, train)
        h = self._block(h.shape[-1], "middle_0")(h, c, train)
        h = _Attention(self.dtype, name="middle_attention")(h)
        h = self._block(h.shape[-1], "middle_1")(h, c, train)
        h, out = self._way_up(h, skips, c, train)
        if not self.pyramids:
            out = self._output(h, "")
        return depth_to_space(out, self.fold).astype(jnp.float32)

    def _condition(
        self, level: Array, label: Array | None, augmentation: Array | None
    ) -> Array:
        """The embedding of level, label and augmentation, [N, 4 width]."""
        level = level.astype(jnp.float32)
        if self.embedding == "fourier":
            draw = nn.initializers.normal(16.0)
            frequencies = self.param("frequencies", draw, (self.width,))
            angles = (
                2 * jnp.pi * level[:, None] * jax.lax.stop_gradient(frequencies)[None]
            )
            c = jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)
        else:
            c = sinusoid(level, self.width, shift=1)
        size = c.shape[-1]
        if self.num_classes:
            n = self.num_classes
            hot = jnp.zeros((len(c), n)) if label is None else jax.nn.one_hot(label, n)
            c = c + self._dense(size, "label")(math.sqrt(n) * hot)
        if self.augmentations:
            if augmentation is None:
                augmentation = jnp.zeros((len(c), self.augmentations))
            c = c + self._dense(size, "augmentation", use_bias=False)(augmentation)
        c = nn.silu(self._dense(4 * self.width, "time_0")(c))
        return nn.silu(self._dense(4 * self.width, "time_1")(c))

    def _way_down(
        self, x: Array, h: Array, c: Array, train: bool
    ) -> tuple[Array, list[Array]]:
        """The coarsest features, and the features of every block before them."""
        skips = [h]
        for k, multiple in enumerate(self.multiples):
            for i in range(self.blocks):
                h = self._block(self.width * multiple, f"down{k}_{i}")(h, c, train)
                if k in self.attention:
                    h = _Attention(self.dtype, name=f"down{k}_{i}_attention")(h)
                skips.append(h)
            if k < len(self.multiples) - 1:
                h = self._block(h.shape[-1], f"down{k}_half", "halve")(h, c, train)
                if self.residual_input:
                    conv = conv_layer(
                        h.shape[-1],
                        (3, 3),
                        (2, 2),
                        padding="VALID",
                        kernel_init=_start,
                        dtype=self.dtype,
                        name=f"input{k}",
                    )
                    x = h = (conv(resample.blur(x)) + h) * _HALF
                if self.pyramids:
                    x = resample.filtered_halve(x)
                    dense = self._dense(h.shape[-1], f"input{k}")
                    h = dense(x) + h
                skips.append(h)
        return h, skips

    def _way_up(
        self, h: Array, skips: list[Array], c: Array, train: bool
    ) -> tuple[Array, Array]:
        """The finest features, and the sum of the images of all levels."""
        out = jnp.zeros((), self.dtype)
        for k, multiple in reversed(list(enumerate(self.multiples))):
            for i in range(self.blocks + 1):
                h = jnp.concatenate([h, skips.pop()], axis=-1)
                h = self._block(self.width * multiple, f"up{k}_{i}")(h, c, train)
            if k in self.attention:
                h = _Attention(self.dtype, name=f"up{k}_attention")(h)
            if self.pyramids:
                coarser = resample.filtered_double(out) if out.ndim else out
                out = coarser + self._output(h, str(k))
            if k > 0:
                h = self._block(h.shape[-1], f"up{k}_double", "double")(h, c, train)
        return h, out

    def _output(self, h: Array, level: str) -> Array:
        h = nn.silu(_norm(h, self.dtype, f"norm_out{level}")(h))
        channels = self.fold**2 * self.channels
        return self._conv(channels, f"conv_out{level}", _silent)(h)

    def _block(self, width: int, name: str, change: str = "") -> _Block:
        way = f"filtered_{change}" if change and self.filtered else change
        return _Block(width, way, self.dropout, self.dtype, name=name)

    def _conv(self, width: int, name: str, start: Any = _start) -> nn.Conv:
        return conv3(width, kernel_init=start, dtype=self.dtype, name=name)

    def _dense(self, width: int, name: str, **options: Any) -> nn.Dense:
        return nn.Dense(
            width, kernel_init=_start, dtype=self.dtype, name=name, **options
        )

    def _check(self, x: Array) -> None:
        levels = len(self.multiples)
        check(type(self).__name__, x, self.channels, levels, self.attention)
        if self.embedding not in ("positional", "fourier"):
            raise ValueError(
                f'`embedding` must be "positional" or "fourier"; got '
                f"{self.embedding!r}."
            )
        if self.pyramids and (self.residual_input or not self.filtered):
            raise ValueError("`pyramids` need `filtered`, and no `residual_input`.")


def _norm(h: Array, dtype: Any, name: str) -> nn.GroupNorm:
    return nn.GroupNorm(min(h.shape[-1] // 4, 32), epsilon=1e-6, dtype=dtype, name=name)


class _Block(nn.Module):
    """(shortcut(h) + conv(silu(norm(conv(silu(norm(h))) + dense(c))))) / sqrt 2.

    `change` names the change of resolution that both branches start with.
    """

    width: int
    change: str
    dropout: float
    dtype: Any

    @nn.compact
    def __call__(self, h: Array, c: Array, train: bool) -> Array:
        options: dict[str, Any] = {"kernel_init": _start, "dtype": self.dtype}
        r = nn.silu(_norm(h, self.dtype, "norm_0")(h))
        if self.change:
            change = getattr(resample, self.change)
            r, h = change(r), change(h)
        r = conv3(self.width, name="conv_0", **options)(r)
        shift = nn.Dense(self.width, name="time", **options)(c)
        r = r + shift[:, None, None, :]
        r = nn.silu(_norm(r, self.dtype, "norm_1")(r))
        r = nn.Dropout(self.dropout, deterministic=not train)(r)
        last: dict[str, Any] = options | {"kernel_init": _silent}
        r = conv3(self.width, name="conv_1", **last)(r)
        if self.change or h.shape[-1] != self.width:
            h = nn.Dense(self.width, name="shortcut", **options)(h)
        return (h + r) * _HALF


class _Attention(nn.Module):
    """(h + out(attend(q, k, v of norm(h)))) / sqrt 2, with one head."""

    dtype: Any

    @nn.compact
    def __call__(self, h: Array) -> Array:
        n, height, width, c = h.shape
        normed = _norm(h, self.dtype, "norm")(h).reshape(n, height * width, 1, c)
        options: dict[str, Any] = {"kernel_init": _start, "dtype": self.dtype}
        q, k, v = (nn.Dense(c, name=name, **options)(normed) for name in "qkv")
        last: dict[str, Any] = options | {"kernel_init": _silent}
        r = nn.Dense(c, name="out", **last)(attend(q, k, v))
        return (h + r.reshape(h.shape)) * _HALF
