"""Small networks for signals of one axis, such as sound: [T, C] instead of [H, W, C].

Dilated convolutions along time, each with twice the dilation of the last, have a wide
receptive field without shortening the signal.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from purifax.nets.layers import conv_layer

__all__ = ["SignalClassifier", "SignalScore"]


class SignalScore(nn.Module):
    """A score network of residual dilated convolutions that is given the noise level.

    With s the spread of the data and r^2 = sigma^2 + s^2,

        f(x, sigma) = (s F((x - centre) / r, sigma) - sigma (x - centre) / r) / r

    as in `SmallScore`: the second term alone is exact for Gaussian data, and F is
    initialised to zero. The gated block is that of WaveNet, and receives the level as
    in DiffWave.

    Source: van den Oord et al. 2016, arXiv 1609.03499, section 2.3; Kong et al. 2020,
    arXiv 2009.09761, section 3 (both wider and deeper).

    Attributes:
        channels: of the signal.
        width: of the blocks.
        dilations: of the blocks, in order; their sum is the receptive field in each
            direction.
        centre: mean of the data's values, subtracted from the signal.
        spread: standard deviation of the data's values, approximately.
        dtype: of the computation; parameters are float32.
    """

    channels: int = 1
    width: int = 32
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    centre: float = 0.5
    spread: float = 0.25
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, sigma: Array) -> Array:
        """The scaled score, [N, T, C] float32, of signals x [N, T, C] at sigma [N]."""
        level = sigma.astype(jnp.float32).reshape(-1, 1, 1)
        scale = jnp.sqrt(level**2 + self.spread**2)
        x = (x.astype(jnp.float32) - self.centre) / scale
        angles = (
            jnp.log(level[:, 0] ** 2 + 1e-6) / 2 * jnp.geomspace(0.25, 4.0, 8)[None]
        )
        c = nn.Dense(self.width, dtype=self.dtype)(
            jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)
        )
        h = nn.Dense(self.width, dtype=self.dtype)(x.astype(self.dtype))
        skips = jnp.zeros_like(h)
        for dilation in self.dilations:
            shift = nn.Dense(self.width, dtype=self.dtype)(nn.silu(c))[:, None, :]
            both = _along(h + shift, 2 * self.width, dilation, self.dtype)
            gate, value = jnp.split(both, 2, axis=-1)
            both = nn.sigmoid(gate) * jnp.tanh(value)
            h = h + nn.Dense(self.width, dtype=self.dtype)(both)
            skips = skips + both
        out = nn.Dense(self.channels, kernel_init=nn.initializers.zeros)(nn.silu(skips))
        return (self.spread * out.astype(jnp.float32) - level * x) / scale


class SignalClassifier(nn.Module):
    """Dilated convolutions, their means and maxima over time, and a dense layer.

    Attributes:
        num_classes: length of the logits.
        width: of the convolutions.
        dilations: of the convolutions, in turn.
        dtype: of the computation; parameters and the last layer are float32.
    """

    num_classes: int = 10
    width: int = 32
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        """Logits, [N, K] float32, of signals x, [N, T, C] in [0, 1]."""
        del train
        h = 2 * x.astype(self.dtype) - 1
        for dilation in self.dilations:
            h = nn.relu(_along(h, self.width, dilation, self.dtype))
        h = jnp.concatenate([jnp.mean(h, axis=1), jnp.max(h, axis=1)], axis=-1)
        return nn.Dense(self.num_classes)(h.astype(jnp.float32))


def _along(h: Array, features: int, dilation: int, dtype: Any) -> Array:
    """A convolution of three taps along time, [N, T, C] -> [N, T, features]."""
    layer = conv_layer(
        features,
        (3, 1),
        kernel_dilation=(dilation, 1),
        padding=((dilation, dilation), (0, 0)),
        dtype=dtype,
    )
    return layer(h[:, :, None, :])[:, :, 0, :]
