"""The parts that vision transformers share.

Tokens are [N, T, C]. Normalisations are computed in float32 whatever the dtype.

Source: Vaswani et al. 2017, arXiv 1706.03762; Dosovitskiy et al. 2020, arXiv
2010.11929; Touvron et al. 2021, arXiv 2103.17239 (factors on the branches).
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from purifax.nets.activations import activation
from purifax.nets.attention import attend

__all__ = ["EncoderBlock", "FeedForward", "SelfAttention", "layer_norm", "over"]


def over(vector: Array, h: Array) -> Array:
    """A number for each channel, with the rank and the dtype of h."""
    return vector.reshape((1,) * (h.ndim - 1) + (-1,)).astype(h.dtype)


def layer_norm(epsilon: float, dtype: Any, name: str) -> nn.LayerNorm:
    """Normalisation of the channels, with a variance of centred values."""
    return nn.LayerNorm(
        epsilon=epsilon, use_fast_variance=False, dtype=dtype, name=name
    )


class FeedForward(nn.Module):
    """fc2(act(fc1(h))).

    Attributes:
        width: of the hidden layer.
        activation: see `activations`.
        dtype: of the computation; parameters are float32.
    """

    width: int
    activation: str = "gelu"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, h: Array) -> Array:
        """Like h."""
        act, channels = activation(self.activation), h.shape[-1]
        r = act(nn.Dense(self.width, dtype=self.dtype, name="fc1")(h))
        return nn.Dense(channels, dtype=self.dtype, name="fc2")(r)


class SelfAttention(nn.Module):
    """Attention among tokens; one dense layer gives queries, keys and values.

    Its outputs are ordered as (q, k, v), heads, channels of a head.

    Attributes:
        heads: must divide the channels.
        use_bias: whether that layer has a bias.
        dtype: of the computation; parameters are float32.
    """

    heads: int
    use_bias: bool = True
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, h: Array, bias: Array | None = None) -> Array:
        """Like h; `bias`, [N, heads, T, T], is added to the attention's logits."""
        n, count, channels = h.shape
        if self.heads < 1 or channels % self.heads:
            raise ValueError(
                f"{self.heads} attention heads do not divide {channels} channels."
            )
        made = nn.Dense(
            3 * channels, use_bias=self.use_bias, dtype=self.dtype, name="qkv"
        )(h)
        q, k, v = jnp.moveaxis(made.reshape(n, count, 3, self.heads, -1), 2, 0)
        r = attend(q, k, v, bias).reshape(h.shape)
        return nn.Dense(channels, dtype=self.dtype, name="proj")(r)


class EncoderBlock(nn.Module):
    """h + attention(norm1(h)), then h + feed-forward(norm2(h)).

    Attributes:
        heads: of the attention.
        hidden: width of the feed-forward network.
        epsilon: of the normalisations.
        activation: of the feed-forward network.
        use_bias: whether queries, keys and values have biases.
        scaled: whether each branch has a factor for each channel.
        dtype: of the computation; parameters are float32.
    """

    heads: int
    hidden: int
    epsilon: float = 1e-6
    activation: str = "gelu"
    use_bias: bool = True
    scaled: bool = False
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, h: Array) -> Array:
        """Like h."""
        r = layer_norm(self.epsilon, self.dtype, "norm1")(h)
        r = SelfAttention(self.heads, self.use_bias, self.dtype, name="attn")(r)
        h = h + self._scale(r, "gamma1")
        r = layer_norm(self.epsilon, self.dtype, "norm2")(h)
        r = FeedForward(self.hidden, self.activation, self.dtype, name="mlp")(r)
        return h + self._scale(r, "gamma2")

    def _scale(self, r: Array, name: str) -> Array:
        if not self.scaled:
            return r
        return r * over(self.param(name, nn.initializers.ones, (r.shape[-1],)), r)
