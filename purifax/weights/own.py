"""Networks from outside purifax, as functions of one image.

A network of one's own is a pytree that can be called as `network(x)` or, as a score,
`network(x, sigma)`: an NNX or Equinox module, or a `Partial` of a function and its
parameters. It is called on one image [H, W, C] without a batch axis; what is written
for batches needs a module around it that adds and removes the axis. `Own` holds its
arrays by name, so that they can be stored, compared and passed through `jit`.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial
from jax.typing import ArrayLike

from purifax import nets
from purifax.types import noun

__all__ = ["Own", "arrays"]


@dataclass(frozen=True)
class _Parts:
    """A pytree without its arrays.

    Attributes:
        names: of each leaf that is an array; None where the leaf is something else.
        fixed: the other leaves, such as functions and numbers, each at its place.
        structure: of the tree.
        graph: of an NNX module, whose tree is its state; None for other pytrees.
    """

    names: tuple[str | None, ...]
    fixed: tuple[Any, ...]
    structure: Any
    graph: Any = None

    def joined(self, arrays: Mapping[str, Any]) -> Any:
        """The network with these arrays."""
        leaves = [
            fixed if name is None else arrays[name]
            for name, fixed in zip(self.names, self.fixed, strict=True)
        ]
        stored, streams = jax.tree.unflatten(self.structure, leaves)
        if self.graph is None:
            return stored
        module = sys.modules["flax.nnx"].merge(self.graph, stored, streams)
        module.eval()
        return module


@noun
@dataclass(frozen=True)
class Own:
    """A network from outside purifax as a function of one image; a pytree.

    An NNX module runs in inference mode, with running averages and without dropout.
    Other modules run as they were built.

    Attributes:
        place: "package.module:name" of the code that makes it; static.
        parts: what is not an array; static.
        variables: the arrays that are stored, by name.
        streams: keys and counters of random streams, which are not stored.
    """

    place: str = field(metadata={"static": True})
    parts: _Parts = field(metadata={"static": True})
    variables: dict[str, Any]
    streams: dict[str, Any]

    @classmethod
    def of(cls, place: str, network: Any) -> "Own":
        """The network that a callable pytree is."""
        graph, tree = None, (network, None)
        nnx: Any = sys.modules.get("flax.nnx")  # loaded if there is any NNX module
        if nnx and isinstance(network, nnx.Module):
            graph, *tree = nnx.split(network, nnx.Not(nnx.RngState), ...)
        leaves, structure = jax.tree.flatten_with_path(tuple(tree))
        names, fixed, variables, streams = [], [], {}, {}
        for path, leaf in leaves:
            is_array = isinstance(leaf, jax.Array | np.ndarray)
            name = _name(path) if is_array else None
            if is_array:
                held = streams if path[0].idx or _is_key(leaf) else variables
                if name in held:
                    raise ValueError(f"two arrays of {place} are called {name}.")
                held[name] = leaf
            names.append(name)
            fixed.append(None if is_array else leaf)
        parts = _Parts(tuple(names), tuple(fixed), structure, graph)
        return cls(place, parts, variables, streams)

    def __call__(self, x: ArrayLike, *conditions: ArrayLike) -> Array:
        """The network on one image [H, W, C], and on a level [] if it takes one."""
        network = self.parts.joined({**self.variables, **self.streams})
        return network(jnp.asarray(x), *map(jnp.asarray, conditions))

    def __repr__(self) -> str:
        count = sum(leaf.size for leaf in jax.tree.leaves(self.variables))
        return f"Own({self.place}, {count:,} stored values)"


def arrays(network: Any, build: Any = "") -> Any:
    """The arrays of a network, as the item "ema" of a checkpoint holds them.

    Args:
        network: a `Network`, a `Partial` of a function and its parameters, or another
            callable pytree.
        build: what `weights.save` is given, if anything: with it, the parameters of a
            function may be any pytree.

    Raises:
        ValueError: there are none; or the parameters of a function are not nested
            dictionaries and lists of arrays.

    >>> sorted(arrays(Partial(jnp.dot, {"w": jnp.ones(3)})))
    ['arguments', 'keywords']
    """
    if isinstance(network, nets.Network | Own):
        return network.variables
    if isinstance(network, Partial) and not build:
        tree = {"arguments": list(network.args), "keywords": network.keywords}
        _check_plain(tree, "")
    else:
        tree = Own.of("the network", network).variables
    if not jax.tree.leaves(tree):
        raise ValueError(
            "the network has no arrays to store; bind the parameters of a function "
            "by `Partial`."
        )
    return tree


def _name(path: Any) -> str:
    """The name of an array in the first or second part of a tree."""
    name = jax.tree_util.keystr(path[1:], simple=True, separator=".")
    # flax keeps the array of an NNX variable in its attribute `value`.
    return ("streams." if path[0].idx else "") + name.removesuffix(".value")


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _check_plain(tree: Any, where: str) -> None:
    """Refuse parameters that a checkpoint would give back as something else."""
    if isinstance(tree, dict) and all(isinstance(key, str) for key in tree):
        items = tree.items()
    elif type(tree) is list:
        items = enumerate(tree)
    elif isinstance(tree, jax.Array | np.ndarray):
        return
    else:
        raise ValueError(
            f"{where.lstrip('.')} is a {type(tree).__name__}; the parameters of a "
            "function must be nested dictionaries and lists of arrays. For others "
            "write a function that binds fresh ones: build='package.module:name'."
        )
    for name, item in items:
        _check_plain(item, f"{where}.{name}")
