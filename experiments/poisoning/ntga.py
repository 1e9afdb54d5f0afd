"""NTGA: blocks of images against a network that was trained on them, by its kernel."""

from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning.context import Method, Setting, everywhere, public, unit
from experiments.training import networks
from purifax import data, nets, poison
from purifax.poison import Poison

__all__ = ["METHODS"]

_LAYERS = ((1.76, 0.18),) * 5
"""Variances of weights and biases of the published dense network."""
_SEEN = 10_000
_AT_ONCE = 30
"""Public images whose errors are raised, and how many of them at once."""


def _ntga(method: str, setting: Setting) -> Poison:
    """Block by block; public images are those that the network is to be wrong about."""
    given, index = setting.crafting, np.asarray(everywhere(setting))
    seen, labels = _held_out(public(setting, method))
    kernel = _kernel(setting)
    steps = given.ntga_steps
    sizes = jnp.full(steps, 1.1 * given.radius / steps)
    deltas = []
    classes = len(setting.images.names)
    for start in range(0, len(index), given.ntga_block):
        block = setting.images.take(index[start : start + given.ntga_block])
        targets = jax.nn.one_hot(block.labels, classes)
        time = jnp.float32(given.ntga_time / (len(block) * classes))
        args = unit(block.images), targets, seen, labels, kernel, time
        deltas.append(_made(*args, setting.ball, sizes)[0])
    return Poison(
        jnp.asarray(index), jnp.concatenate(deltas), setting.ball, name=method
    )


_made = jax.jit(poison.ntga)


def _held_out(other: data.Images) -> tuple[Array, Array]:
    """Public images in parts, [V, B, H, W, C] and [V, B]; no part is half full."""
    size = min(_AT_ONCE, len(other))
    count = min(_SEEN, len(other)) // size
    some = other.take(np.arange(count * size))
    x = unit(some.images).reshape(count, size, *some.images.shape[1:])
    return jnp.asarray(x), jnp.asarray(some.labels.reshape(count, size))


def _kernel(setting: Setting) -> Partial:
    how = networks.one_of(
        "crafting.ntga_kernel", setting.crafting.ntga_kernel, ("erf", "network")
    )
    if how == "erf":
        return Partial(poison.ntk_erf, variances=jnp.array(_LAYERS))
    network = setting.trainer.network(setting.trainer.start(setting.hidden_seed))
    return Partial(_finite, network=network)


def _finite(xs: Array, ys: Array, network: nets.Network) -> Array:
    """The kernel of the victim's network as it starts."""

    def outputs(params: Any, x: Array) -> Array:
        variables = {**network.variables, "params": params}
        return nets.Network(network.module, variables)(x)

    return poison.ntk(xs, ys, outputs, network.variables["params"])


METHODS: dict[str, Method] = {"ntga": _ntga}
