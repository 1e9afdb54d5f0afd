"""Features and blocks of a classifier, and its loss as a function of parameters.

A classifier of `purifax.nets` ends in one dense layer. What goes into it are the
features of poisons whose objective is in feature space; what the parts give on the way
there are those of Bullseye Polytope end to end.
"""

from typing import Any

import flax.linen as nn
import jax
from jax import Array
from jax import numpy as jnp

from purifax import classify, nets

__all__ = ["blocks", "features", "head", "learning", "outputs"]


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

    For `gradient_matching.match_gradients`: running averages are those of the network.
    """
    del key
    return classify.cross_entropy(outputs(params, x, network), label)


def outputs(params: Any, x: Array, network: nets.Network) -> Array:
    """The outputs for one image with other parameters; bind `network`."""
    variables = {**network.variables, "params": params}
    return nets.Network(network.module, variables)(x)


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
