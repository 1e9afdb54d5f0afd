"""What goes on inside a classifier: its last layer, and what goes into that.

A classifier of `purifax.nets` ends in one dense layer. What it takes are the features
of the poisons that speak of features; what its parts give on the way there are those
of Bullseye Polytope end to end.
"""

from typing import Any

import flax.linen as nn
import jax
from jax import Array
from jax import numpy as jnp

from purifax import classify, nets

__all__ = ["blocks", "features", "head", "learning"]


def features(key: Array, x: Array, network: nets.Network) -> Array:
    """What goes into the last layer, [D]; bind `network`."""
    del key
    return _watched(network.module, network.variables, x)[1]


def blocks(key: Array | None, x: Array, network: nets.Network) -> list[Array]:
    """What the parts of a network give, [H, W, C] each or [C], and `features` last."""
    del key
    parts, last, _ = _watched(network.module, network.variables, x)
    return [*parts, last]


def head(module: nn.Module, image: Array) -> tuple[str, ...]:
    """The path of the last layer among the parameters."""
    found: list[tuple[str, ...]] = []

    def run(key: Array) -> None:
        variables = module.init(key, image[None])
        found.append(_watched(module, variables, image)[2])

    jax.eval_shape(run, jax.random.key(0))
    return found[0]


def learning(
    params: Any, key: Array, x: Array, label: Array, network: nets.Network
) -> Array:
    """The loss of one image with other parameters, in inference mode; bind `network`.

    For `poison.gradient_matching`: running averages are those of the network.
    """
    del key
    other = nets.Network(network.module, {**network.variables, "params": params})
    return classify.cross_entropy(other(x), label)


def _watched(
    module: nn.Module, variables: Any, x: Array
) -> tuple[list[Array], Array, tuple[str, ...]]:
    """What the parts give, what the last layer takes, and its path."""
    parts: dict[tuple[str, ...], Any] = {}
    dense: list[tuple[Any, tuple[str, ...]]] = []

    def watch(call: Any, args: Any, kwargs: Any, context: Any) -> Any:
        given = call(*args, **kwargs)
        path = tuple(context.module.path)
        if context.method_name == "__call__" and path:
            if isinstance(context.module, nn.Dense):
                dense.append((args[0], path))
            if len(path) == 1 and isinstance(given, jax.Array):
                parts[path] = given
        return given

    with nn.intercept_methods(watch):
        module.apply(variables, jnp.asarray(x)[None])
    taken, path = dense[-1]
    before = [given[0] for name, given in parts.items() if name != path]
    return before, taken[0], path
