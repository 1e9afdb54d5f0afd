"""Types of the callables that purifax takes and returns, and helpers for pytrees.

The types are structural: any function, `jax.tree_util.Partial`, Linen, NNX or Equinox
module with the right call is an instance. Shapes are those of one example; `x` is
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
    "noun",
]

Score: TypeAlias = Callable[[Array, Array], Array]
"""`score(x, sigma) -> like x`, the gradient of log p_sigma at x."""

ScaledScore: TypeAlias = Callable[[Array, Array], Array]
"""`f(x, sigma) -> like x`, sigma times the score: minus the estimated unit noise."""

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
    """Return a pytree callable unchanged, and a bare function as a `Partial`.

    >>> as_pytree(abs)
    Partial(<built-in function abs>)
    """
    leaves = jax.tree_util.tree_leaves(fn)
    return Partial(fn) if len(leaves) == 1 and leaves[0] is fn else fn


def known(value: Any) -> list[float] | None:
    """The numbers of a scalar or vector, or None where jax traces it.

    For checks of arguments: a traced number has no value yet.

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
    """Register a frozen dataclass as a pytree whose structure contains its class.

    Fields with `metadata={"static": True}` are compared, not traced. It replaces
    `jax.tree_util.register_dataclass`, under which jax 0.10 regards the structures of
    two classes with the same fields as equal, so that `jit` may run the program
    compiled for the other class, such as `L2` for `Linf`.

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
        # Leaves may be anything that jax puts there, so there are no checks.
        self = object.__new__(cls)
        names, values = (*leaves, *static), (*children, *aux)
        for name, value in zip(names, values, strict=True):
            object.__setattr__(self, name, value)
        return self

    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
    return cls
