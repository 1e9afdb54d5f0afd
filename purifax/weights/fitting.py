"""Whether stored arrays fit the code that rebuilds a network, and its network the role.

Code outside purifax may have changed since its arrays were stored. `bound` compares
names, shapes and dtypes; `check_call` traces the network on one image; `check_same`
compares outputs, when a network is stored.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import nets
from purifax.weights.labels import asks_class
from purifax.weights.modules import first_line
from purifax.weights.own import Own
from purifax.weights.states import check_finite, few

__all__ = ["bound", "check_call", "check_same"]

ROOM = 1e-4
"""How far two runs of the same network on one device may differ, relatively."""


def bound(words: Mapping[str, Any], thing: Any, stored: Any) -> Any:
    """The network of what `rebuild` gave and of stored arrays.

    Args:
        words: of ``network.json``.

    Raises:
        ValueError: the arrays are not those that the rebuilt network has, or have
            values that are not finite.
    """
    place, kind = words["module"], words.get("kind")
    check_finite(place, stored)
    if isinstance(thing, nets.Network):
        thing = thing.module
    if isinstance(thing, nn.Module):
        _fits(place, _named(stored), _named(_shapes(thing, words)))
        return nets.Network(thing, stored, tuple(words["image"]))
    if kind == "function":
        return Own.of(place, Partial(thing, *stored["arguments"], **stored["keywords"]))
    fresh = Own.of(place, thing)
    _fits(place, stored, fresh.variables)
    return dataclasses.replace(fresh, variables=dict(stored))


def check_call(network: Any, words: Mapping[str, Any]) -> None:
    """Refuse a network that does not give for one image what its role asks for.

    Raises:
        ValueError: it cannot be called, or gives an array of another shape.
    """
    place, image = words["module"], tuple(words["image"])
    inputs = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in _inputs(words)]
    try:
        shape = jax.eval_shape(network, *inputs).shape
    except Exception as error:  # the user's code may raise anything
        call = f"one image {list(image)}" + " and a level []" * (len(inputs) - 1)
        raise ValueError(
            first_line(f"{place} cannot be called on {call}", error)
        ) from error
    wanted = _output(words)
    if len(shape) != len(wanted) or any(
        n not in (None, m) for n, m in zip(wanted, shape, strict=True)
    ):
        written = str(list(wanted)).replace("None", "K")
        raise ValueError(
            f"{place} gives an array {list(shape)} for one image {list(image)}; the "
            f"role {words['role']} asks for {written}, without a batch axis."
        )


def check_same(network: Any, again: Any, words: Mapping[str, Any]) -> None:
    """Refuse a network whose rebuilt copy gives another output for one image.

    Raises:
        ValueError: they differ, since the code that rebuilds it does not set something
            that is not an array as the network has it.
    """
    ramp = (jnp.linspace(0.2, 0.8, int(np.prod(s))).reshape(s) for s in _inputs(words))
    inputs = tuple(ramp)
    first, second = (np.asarray(one(*inputs), np.float64) for one in (network, again))
    gap = np.max(np.abs(first - second), initial=0.0)
    if not gap <= ROOM * (1 + np.max(np.abs(first), initial=0.0)):
        raise ValueError(
            f"what {words['module']} gives is another network: for one image, outputs "
            f"differ by {gap:.3g}. Only arrays are stored; the code must set "
            "everything else as the network has it."
        )


def _inputs(words: Mapping[str, Any]) -> list[tuple[int, ...]]:
    """The shapes of one image and, for a score, of its level."""
    image = tuple(words["image"])
    return [image, ()] if words["role"] == "score" else [image]


def _output(words: Mapping[str, Any]) -> tuple[int | None, ...]:
    """The shape that a network of this role gives for one image; None is any size."""
    if words["role"] == "classifier":
        return (None,)
    if words["role"] == "energy" or words.get("predicts") == "scaled_energy":
        return ()
    if words["role"] == "autoencoder":
        return tuple(words["image"])
    height_and_width, channels = words["image"][:-1], words["image"][-1]
    twice = words["predicts"] == "noise_and_variance"
    return (*height_and_width, 2 * channels if twice else channels)


def _shapes(module: nn.Module, words: Mapping[str, Any]) -> Any:
    """The variables that a Linen module would have, as shapes and dtypes."""
    inputs = [jax.ShapeDtypeStruct((1, *s), jnp.float32) for s in _inputs(words)]
    if asks_class(module):
        inputs.append(jax.ShapeDtypeStruct((1,), jnp.int32))
    try:
        return jax.eval_shape(module.init, jax.random.key(0), *inputs)
    except Exception as error:  # the user's code may raise anything
        place = words["module"]
        raise ValueError(first_line(f"{place} cannot be initialised", error)) from error


def _fits(place: str, stored: Mapping[str, Any], fresh: Mapping[str, Any]) -> None:
    """Refuse stored arrays unless the code has just these, of these shapes and dtypes.

    Raises:
        ValueError: they differ; the first differences are named.
    """
    other = [
        f"{name} is {_kind(stored[name])} and not {_kind(leaf)}"
        for name, leaf in fresh.items()
        if name in stored and _kind(stored[name]) != _kind(leaf)
    ]
    faults = {
        "not stored": sorted(fresh.keys() - stored.keys()),
        "unknown to the code": sorted(stored.keys() - fresh.keys()),
        "of another shape or dtype": other,
    }
    if any(faults.values()):
        raise ValueError(
            f"the stored arrays do not fit {place} as it is now: "
            + "; ".join(f"{len(v)} {k}: {few(v, 3)}" for k, v in faults.items() if v)
            + "."
        )


def _kind(leaf: Any) -> str:
    return f"{jnp.dtype(leaf.dtype).name} {list(leaf.shape)}"


def _named(tree: Any) -> dict[str, Any]:
    """The leaves of a tree by the names on their paths."""
    leaves = jax.tree.leaves_with_path(tree)
    return {jax.tree_util.keystr(p, simple=True, separator="."): x for p, x in leaves}
