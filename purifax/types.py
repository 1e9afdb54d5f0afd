"""Types of the callables in purifax, checks of arguments, and pytree registration.

The types are structural: any function, `jax.tree_util.Partial`, Linen, NNX or Equinox
module with the right signature conforms. Shapes are those of one example; `x` is
`float32 [H, W, C]` in [0, 1].
"""

from collections.abc import Callable, Sequence
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

    The `Partial` of a bare function has no leaves.

    >>> as_pytree(abs)
    Partial(<built-in function abs>)
    """
    leaves = jax.tree_util.tree_leaves(fn)
    return Partial(fn) if len(leaves) == 1 and leaves[0] is fn else fn


def expect(
    name: str,
    value: Any,
    shape: Sequence[int | None],
    kind: type[int] | type[float] | None = None,
    *,
    hint: str = "",
) -> None:
    """Refuse an array whose shape or dtype is not the one that a function takes.

    chex compares them. Both are static, so that the check also holds under `jit`.

    Args:
        name: what the error calls the array, such as "`label`".
        value: an array, a traced array, a number or a list of numbers.
        shape: the wanted shape; None stands for an axis of any length.
        kind: `int` or `float` for any integer or floating dtype, None for every dtype.
        hint: a sentence that ends the error and says what to do.

    Raises:
        ValueError: the shape or the dtype differs.

    >>> expect("`label`", 3, (), int)
    >>> expect("`label`", jax.numpy.ones((2, 10)), (), int, hint="Give one label.")
    Traceback (most recent call last):
        ...
    ValueError: `label` must be an integer array of shape []; got float32 [2, 10]. \
Give one label.
    """
    import chex  # not above: chex loads absl, and the core loads jax alone

    if isinstance(value, list | tuple):
        value = jax.numpy.asarray(value)
    found = jax.ShapeDtypeStruct(jax.numpy.shape(value), jax.numpy.result_type(value))
    try:
        chex.assert_shape([found], [tuple(shape)])
        if kind is not None:
            chex.assert_type([found], kind)
    except AssertionError:
        kinds = {int: "an integer array", float: "a floating array", None: "an array"}
        raise ValueError(
            f"{name} must be {kinds[kind]} of shape {_written(shape)}; got "
            f"{found.dtype} {_written(found.shape)}. {hint}".rstrip()
        ) from None


def floating(x: Any) -> None:
    """Refuse an image of integers, in whose dtype every noise level would be zero.

    Raises:
        ValueError: the dtype of x is not floating.

    >>> floating(jax.numpy.zeros((2, 2, 1)))
    """
    hint = "Images are floats in [0, 1]; give x / 255 for uint8 images."
    expect("`x`", x, jax.numpy.shape(x), float, hint=hint)


def _written(shape: Sequence[int | None]) -> str:
    """A shape as docstrings write it: [8, 8, 3], with `any` for a free axis."""
    return f"[{', '.join('any' if n is None else str(n) for n in shape)}]"


def known(value: Any) -> list[float] | None:
    """Return the numbers of a scalar or vector, or None while jax traces it.

    For checks of values: a traced number has no value yet. The scalars of an eager
    `vmap` have theirs, those of all rows.

    >>> known(0.5), known(jax.numpy.array([2.0, 1.0]))
    ([0.5], [2.0, 1.0])
    >>> jax.make_jaxpr(lambda x: 0.0 if known(x) is None else x)(1.0)
    { lambda ; a:f32[]. let  in (0.0:f32[],) }
    >>> jax.vmap(lambda x: jax.numpy.sum(jax.numpy.array(known(x))))(jax.numpy.ones(2))
    Array([2., 2.], dtype=float32)
    """
    if isinstance(value, Tracer):
        value = concrete(value) if value.ndim == 0 else None
    if value is None:
        return None
    numbers = value.tolist() if hasattr(value, "tolist") else value
    return list(numbers) if isinstance(numbers, list | tuple) else [numbers]


def concrete(value: Any) -> Any:
    """The array of a value, that of all rows under an eager `vmap`; None while traced.

    >>> jax.vmap(lambda x: concrete(x))(jax.numpy.ones(1)).shape
    (1, 1)
    """
    while isinstance(value, Tracer) and hasattr(value, "batch_dim"):  # of `vmap`
        value = value.val
    return None if isinstance(value, Tracer) else value


def fair_signs(key: Array, shape: tuple[int, ...], dtype: Any) -> Array:
    """Fair signs, -1 or 1: the draws of `jax.random.rademacher`.

    That takes other draws under `jax_enable_x64`.

    >>> abs(fair_signs(jax.random.key(0), (2,), float)).tolist()
    [1.0, 1.0]
    """
    heads = jax.random.bernoulli(key, jax.numpy.float32(0.5), shape)
    return jax.numpy.where(heads, 1, -1).astype(dtype)


T = TypeVar("T")


def noun(cls: type[T]) -> type[T]:
    """Register a frozen dataclass as a pytree whose structure includes its class.

    Fields with `metadata={"static": True}` are compared, not traced. It replaces
    `jax.tree_util.register_dataclass`, with which jax 0.10 considers the structures of
    two classes with the same fields equal, so that `jit` occasionally runs the program
    compiled for the other class, such as `L2` for `Linf`.

    The repr shows arrays of more than 16 values by their dtype and shape.

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
        # jax may put any object in place of a leaf, so nothing is checked here.
        self = object.__new__(cls)
        names, values = (*leaves, *static), (*children, *aux)
        for name, value in zip(names, values, strict=True):
            object.__setattr__(self, name, value)
        return self

    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
    if hasattr(cls.__repr__, "__wrapped__"):  # the one that `dataclass` wrote
        cls.__repr__ = _line
    return cls


def _line(self: Any) -> str:
    """The repr of a dataclass, in which an array of many values is its dtype and shape.

    A network's parameters or the table of a noise process would fill pages.
    """
    parts = []
    for one in fields(self):
        value = getattr(self, one.name)
        many = isinstance(value, Array) and value.size > 16
        shown = f"{value.dtype}{_written(value.shape)}" if many else repr(value)
        parts.append(f"{one.name}={shown}")
    return f"{type(self).__qualname__}({', '.join(parts)})"
