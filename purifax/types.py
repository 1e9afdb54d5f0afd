"""Names of the callables that purifax passes around, and what makes a thing a pytree.

They are structural: any function, `jax.tree_util.Partial`, Linen, NNX or Equinox
module with the right call is one. Shapes are those of one example; `x` is
`float32 [H, W, C]` in [0, 1].
"""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeAlias, TypeVar

import jax
from jax import Array
from jax.core import Tracer
from jax.tree_util import GetAttrKey, Partial

__all__ = [
    "Attack",
    "Classifier",
    "Denoiser",
    "Energy",
    "Loss",
    "Model",
    "Perturb",
    "Purifier",
    "ScaledScore",
    "Score",
    "as_pytree",
    "known",
    "noun",
]

Score: TypeAlias = Callable[[Array, Array], Array]
"""`score(x, sigma) -> like x`, the gradient of log p_sigma at x."""

ScaledScore: TypeAlias = Callable[[Array, Array], Array]
"""`f(x, sigma) -> like x`, sigma times the score: minus the unit noise in x."""

Denoiser: TypeAlias = Callable[[Array, Array], Array]
"""`denoiser(x, sigma) -> like x`, the mean of the clean image given x."""

Energy: TypeAlias = Callable[[Array], Array]
"""`energy(x) -> []`, low where x is natural."""

Perturb: TypeAlias = Callable[[Array, Array, Array], Array]
"""`perturb(key, x, sigma) -> like x`."""

Purifier: TypeAlias = Callable[[Array, Array], Array]
"""`purifier(key, x) -> like x`."""

Classifier: TypeAlias = Callable[[Array], Array]
"""`classifier(x) -> logits [K]`."""

Model: TypeAlias = Callable[[Array, Array], Array]
"""`model(key, x) -> logits [K]`."""

Loss: TypeAlias = Callable[[Array, Array], Array]
"""`loss(logits [K], label []) -> []`, high where the model is wrong."""

Attack: TypeAlias = Callable[[Array, Array, Array], Array]
"""`attack(key, x, label) -> x_adv, like x`."""


def as_pytree(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A pytree callable as it is; a bare function as a `Partial` without leaves.

    >>> as_pytree(abs)
    Partial(<built-in function abs>)
    """
    leaves = jax.tree_util.tree_leaves(fn)
    return Partial(fn) if len(leaves) == 1 and leaves[0] is fn else fn


def known(value: Any) -> list[float] | None:
    """The numbers of a scalar or vector, or None while jax traces it.

    What a check of arguments may look at: a number that is traced has no value yet.

    >>> known(0.5), known(jax.numpy.array([2.0, 1.0]))
    ([0.5], [2.0, 1.0])
    >>> jax.make_jaxpr(lambda x: 0.0 if known(x) is None else x)(1.0)
    { lambda ; a:f32[]. let  in (0.0:f32[],) }
    """
    if isinstance(value, Tracer):
        return None
    numbers = value.tolist() if hasattr(value, "tolist") else value
    return list(numbers) if isinstance(numbers, list | tuple) else [numbers]


T = TypeVar("T")


def noun(cls: type[T]) -> type[T]:
    """Registers a frozen dataclass as a pytree whose structure knows its class.

    Fields with `metadata={"static": True}` are compared, not traced. Instead of
    `jax.tree_util.register_dataclass`: with it, jax 0.10 calls the structures of two
    classes equal when their fields are alike, and `jit` now and then answers a call
    with the program compiled for the other class, such as `L2` for `Linf`.

    >>> from dataclasses import dataclass
    >>> @noun
    ... @dataclass(frozen=True)
    ... class Ball:
    ...     radius: float
    >>> jax.tree.map(lambda leaf: 2 * leaf, Ball(1.0)).radius
    2.0
    """
    static = [f.name for f in fields(cls) if f.metadata.get("static")]  # type: ignore[arg-type]
    leaves = [f.name for f in fields(cls) if f.name not in static]  # type: ignore[arg-type]

    def kept(self: T) -> tuple:
        return tuple(getattr(self, name) for name in static)

    def flatten(self: T) -> tuple[list, tuple]:
        return [getattr(self, name) for name in leaves], kept(self)

    def flatten_with_keys(self: T) -> tuple[list, tuple]:
        children = [(GetAttrKey(name), getattr(self, name)) for name in leaves]
        return children, kept(self)

    def unflatten(aux: tuple, children: Any) -> T:
        # Leaves may be anything that jax puts there, so nothing is checked.
        self = object.__new__(cls)
        names, values = (*leaves, *static), (*children, *aux)
        for name, value in zip(names, values, strict=True):
            object.__setattr__(self, name, value)
        return self

    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
    return cls
