"""The layers of torch's ATen set as JAX functions, on arrays [N, C, H, W] as torch has.

Each takes the arguments of its operation by the names of torch's schema. `OPERATIONS`
holds them by the name of the operation; those on shapes are in `bridge.reshapes`, and
those on windows in `bridge.pooling`.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import Array, lax
from jax import numpy as jnp

from purifax.bridge.pooling import POOLS, pair
from purifax.bridge.reshapes import RESHAPES, together

__all__ = ["OPERATIONS"]


def conv(
    input: Array,
    weight: Array,
    bias: Array | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Array:
    """Convolution over one, two or three axes of pixels."""
    count = input.ndim - 2
    whole = isinstance(padding, str)  # "same" or "valid"
    room = padding.upper() if whole else [(p, p) for p in pair(padding, count)]
    found = lax.conv_general_dilated(
        input,
        weight,
        pair(stride, count),
        room,
        rhs_dilation=pair(dilation, count),
        feature_group_count=groups,
    )
    return found if bias is None else found + _channels(bias, found)


def linear(input: Array, weight: Array, bias: Array | None = None) -> Array:
    """x W^T + b over the last axis."""
    found = input @ weight.T
    return found if bias is None else jnp.add(*together(found, bias))


def batch_norm(
    input: Array,
    weight: Array | None,
    bias: Array | None,
    running_mean: Array | None,
    running_var: Array | None,
    training: bool,
    eps: float,
    **unused: Any,
) -> Array:
    """Normalisation by running averages."""
    if training or running_mean is None or running_var is None:
        raise NotImplementedError("statistics of the batch")
    scale = lax.rsqrt(running_var + eps) * (1.0 if weight is None else weight)
    shift = (0.0 if bias is None else bias) - running_mean * scale
    return input * _channels(scale, input) + _channels(shift, input)


def _batch_norm_triple(**given: Any) -> tuple[Array, None, None]:
    """The form without training, of three results of which one is used."""
    return batch_norm(training=False, **given), None, None


def group_norm(
    input: Array,
    num_groups: int,
    weight: Array | None,
    bias: Array | None,
    eps: float,
    **unused: Any,
) -> Array:
    """Normalisation over groups of channels."""
    groups = input.reshape(len(input), num_groups, -1)
    found = _standard(groups, (2,), eps).reshape(input.shape)
    found = found if weight is None else found * _channels(weight, found)
    return found if bias is None else found + _channels(bias, found)


def layer_norm(
    input: Array,
    normalized_shape: Sequence[int],
    weight: Array | None,
    bias: Array | None,
    eps: float,
    **unused: Any,
) -> Array:
    """Normalisation over the last axes."""
    axes = tuple(range(input.ndim - len(normalized_shape), input.ndim))
    found = _standard(input, axes, eps)
    found = found if weight is None else jnp.multiply(*together(found, weight))
    return found if bias is None else jnp.add(*together(found, bias))


def _standard(x: Array, axes: tuple[int, ...], eps: float) -> Array:
    mean = jnp.mean(x, axes, keepdims=True)
    variance = jnp.mean(jnp.square(x - mean), axes, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + eps)


def _channels(numbers: Array, like: Array) -> Array:
    """One number a channel, [C], broadcast over images and pixels."""
    return numbers.reshape(1, -1, *[1] * (like.ndim - 2))


def gelu(self: Array, approximate: str = "none") -> Array:
    """x Phi(x), or its approximation by tanh."""
    return jax.nn.gelu(self, approximate=approximate == "tanh")


def dropout(input: Array, p: float, train: bool) -> Array:
    """The identity, as at test time."""
    if train and p:
        raise NotImplementedError("it drops at test time")
    return input


def attention(
    query: Array,
    key: Array,
    value: Array,
    attn_mask: Array | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    **unused: Any,
) -> Array:
    """softmax(q k^T / sqrt(d) + mask) v."""
    if dropout_p or is_causal:
        raise NotImplementedError("dropout or a causal mask")
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    weights = scale * query @ jnp.swapaxes(key, -1, -2)
    if attn_mask is not None and attn_mask.dtype == bool:
        mask, weights = together(attn_mask, weights)
        weights = jnp.where(mask, weights, -jnp.inf)
    elif attn_mask is not None:
        weights = jnp.add(*together(weights, attn_mask))
    return jax.nn.softmax(weights, axis=-1) @ value


def _clamp(self: Array, min: Any = None, max: Any = None) -> Array:
    return jnp.clip(self, min, max)


def _hard_tanh(self: Array, min_val: float, max_val: float) -> Array:
    return jnp.clip(self, min_val, max_val)


def _elu(self: Array, alpha: float = 1.0, **unused: Any) -> Array:
    return jax.nn.elu(self, alpha)


def _softplus(self: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    return jax.nn.softplus(beta * self) / beta


def _softmax(self: Array, dim: int, dtype: Any = None) -> Array:
    return jax.nn.softmax(self, axis=dim)


def _log_softmax(self: Array, dim: int, dtype: Any = None) -> Array:
    return jax.nn.log_softmax(self, axis=dim)


def _prelu(self: Array, weight: Array) -> Array:
    slope = _channels(weight, self) if weight.size > 1 else weight.reshape(())
    return jnp.where(self > 0, self, slope * self)


def _of_one(fn: Callable[[Array], Array]) -> Callable[..., Array]:
    return lambda self: fn(self)


OPERATIONS: dict[str, Callable[..., Any]] = {
    **{f"conv{n}d": conv for n in (1, 2, 3)},
    "linear": linear,
    "batch_norm": batch_norm,
    "_native_batch_norm_legit_no_training": _batch_norm_triple,
    "group_norm": group_norm,
    "layer_norm": layer_norm,
    "gelu": gelu,
    "dropout": dropout,
    "feature_dropout": dropout,
    "scaled_dot_product_attention": attention,
    "relu": _of_one(jax.nn.relu),
    "relu6": _of_one(jax.nn.relu6),
    "silu": _of_one(jax.nn.silu),
    "mish": _of_one(jax.nn.mish),
    "tanh": _of_one(jnp.tanh),
    "sigmoid": _of_one(jax.nn.sigmoid),
    "hardswish": _of_one(jax.nn.hard_swish),
    "hardsigmoid": _of_one(jax.nn.hard_sigmoid),
    "hardtanh": _hard_tanh,
    "leaky_relu": lambda self, negative_slope: jax.nn.leaky_relu(self, negative_slope),
    "elu": _elu,
    "softplus": _softplus,
    "prelu": _prelu,
    "clamp": _clamp,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    **POOLS,
    **RESHAPES,
}
"""By the name of torch's operation, what it computes."""
