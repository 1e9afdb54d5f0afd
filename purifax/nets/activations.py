"""Activation functions by name, as the fields of a network write them."""

from __future__ import annotations

from collections.abc import Callable

import flax.linen as nn
import jax
from jax import Array

__all__ = ["ACTIVATIONS", "activation"]


def _exact_gelu(x: Array) -> Array:
    return nn.gelu(x, approximate=False)


def _quick_gelu(x: Array) -> Array:
    return x * jax.nn.sigmoid(1.702 * x)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": nn.relu,
    "silu": nn.silu,
    "gelu": _exact_gelu,
    "quick_gelu": _quick_gelu,
}
"""`silu` is also called Swish; `gelu` is the exact one, x P(Z < x), and `quick_gelu`
CLIP's x sigmoid(1.702 x)."""


def activation(name: str) -> Callable[[Array], Array]:
    """The function of a name.

    Raises:
        ValueError: there is no such name.

    >>> float(activation("relu")(-1.0))
    0.0
    """
    if name not in ACTIVATIONS:
        raise ValueError(
            f"`activation` must be one of {', '.join(ACTIVATIONS)}; got {name!r}."
        )
    return ACTIVATIONS[name]
