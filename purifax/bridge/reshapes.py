"""Arithmetic and operations on shapes of torch's ATen set as JAX functions.

See `bridge.operations`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp

__all__ = ["RESHAPES", "together"]


def together(*arrays: Any) -> list[Array]:
    """Arrays of one rank, for broadcasting; numbers stay as they are.

    >>> [a.shape for a in together(jnp.ones((2, 3)), jnp.ones(3))]
    [(2, 3), (1, 3)]
    """
    rank = max(jnp.ndim(a) for a in arrays)
    return [
        a
        if jnp.ndim(a) in (0, rank)
        else jnp.reshape(a, (*[1] * (rank - a.ndim), *a.shape))
        for a in arrays
    ]


def _binary(fn: Callable[..., Array]) -> Callable[..., Array]:
    """An operation of two; torch's `alpha` is a factor of the second."""

    def run(self: Any, other: Any, alpha: Any = 1) -> Array:
        return fn(*together(self, other if alpha == 1 else alpha * other))

    return run


def _divide(self: Any, other: Any, rounding_mode: str | None = None) -> Array:
    if rounding_mode:
        raise NotImplementedError("division with rounding")
    return jnp.divide(*together(self, other))


def _power(self: Any, exponent: Any) -> Array:
    return jnp.power(*together(self, exponent))


def _view(self: Array, size: Sequence[int]) -> Array:
    return self.reshape(tuple(size))


def _flatten(self: Array, start_dim: int = 0, end_dim: int = -1) -> Array:
    start, end = start_dim % self.ndim, end_dim % self.ndim
    return self.reshape((*self.shape[:start], -1, *self.shape[end + 1 :]))


def _unflatten(self: Array, dim: int, sizes: Sequence[int]) -> Array:
    dim = dim % self.ndim
    return self.reshape((*self.shape[:dim], *sizes, *self.shape[dim + 1 :]))


def _expand(self: Array, size: Sequence[int], implicit: bool = False) -> Array:
    (wide,) = (
        together(self)
        if self.ndim == len(size)
        else together(self, jnp.empty([1] * len(size)))[:1]
    )
    known = zip(size, wide.shape, strict=True)
    return jnp.broadcast_to(wide, tuple(n if s == -1 else s for s, n in known))


def _reduced(fn: Callable[..., Array]) -> Callable[..., Array]:
    def run(
        self: Array, dim: Any = None, keepdim: bool = False, dtype: Any = None
    ) -> Array:
        axes: Any = (dim,) if isinstance(dim, int) else tuple(dim or ()) or None
        return fn(self, axis=axes, keepdims=keepdim)

    return run


def _slice(
    self: Array, dim: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Array:
    index = [slice(None)] * self.ndim
    index[dim] = slice(start, end, step)
    return self[tuple(index)]


def _select(self: Array, dim: int, index: int) -> Array:
    place: list[Any] = [slice(None)] * self.ndim
    place[dim] = index
    return self[tuple(place)]


def _chunk(self: Array, chunks: int, dim: int = 0) -> list[Array]:
    return _split(self, -(-self.shape[dim] // chunks), dim)


def _split(self: Array, split_size: Any, dim: int = 0) -> list[Array]:
    sizes = split_size
    if isinstance(sizes, int):
        cuts = list(range(sizes, self.shape[dim], sizes))
    else:
        cuts = [sum(sizes[: i + 1]) for i in range(len(sizes) - 1)]
    return jnp.split(self, cuts, axis=dim)


def _split_with_sizes(self: Array, split_sizes: Any, dim: int = 0) -> list[Array]:
    return _split(self, list(split_sizes), dim)


def _squeeze(self: Array, dim: Any = None) -> Array:
    if dim is None:
        return self.squeeze()
    axes = [dim] if isinstance(dim, int) else list(dim)
    return self.squeeze(tuple(a for a in axes if self.shape[a] == 1))


def _pad(
    self: Array, pad: Sequence[int], mode: str = "constant", value: Any = None
) -> Array:
    if mode not in ("constant", "reflect", "replicate", "circular"):
        raise NotImplementedError(f"padding by {mode}")
    rooms = [(0, 0)] * self.ndim
    for place in range(len(pad) // 2):
        rooms[-1 - place] = (pad[2 * place], pad[2 * place + 1])
    if mode == "constant":
        if min(pad) < 0:
            raise NotImplementedError("padding of less than nothing")
        return jnp.pad(self, rooms, constant_values=value or 0)
    return jnp.pad(self, rooms, mode=_PADDING.get(mode, mode))


_PADDING: Any = {"replicate": "edge", "circular": "wrap"}
"""Names of jax for ways of padding that have others in torch."""


def _index(self: Array, indices: Sequence[Any]) -> Array:
    return self[tuple(slice(None) if i is None else i for i in indices)]


def _roll(self: Array, shifts: Sequence[int], dims: Sequence[int]) -> Array:
    return jnp.roll(self, tuple(shifts), tuple(dims))


def _slice_scatter(
    self: Array,
    src: Array,
    dim: int = 0,
    start: Any = None,
    end: Any = None,
    step: int = 1,
) -> Array:
    index = [slice(None)] * self.ndim
    index[dim] = slice(start, end, step)
    return self.at[tuple(index)].set(src)


def _select_scatter(self: Array, src: Array, dim: int, index: int) -> Array:
    place: list[Any] = [slice(None)] * self.ndim
    place[dim] = index
    return self.at[tuple(place)].set(src)


def _masked_fill(self: Array, mask: Array, value: Any) -> Array:
    wide, mask = together(self, mask)
    return jnp.where(mask, value, wide)


def _where(condition: Array, self: Any, other: Any) -> Array:
    return jnp.where(*together(condition, self, other))


def _same(self: Any, **unused: Any) -> Any:
    return self


def _nothing(**unused: Any) -> None:
    return None


def _tensors(fn: Callable[..., Array]) -> Callable[..., Array]:
    return lambda tensors, dim=0: fn(tensors, axis=dim)


def _matmul(self: Array, **other: Array) -> Array:
    (second,) = other.values()
    return self @ second


def _unary(fn: Callable[[Array], Array]) -> Callable[..., Array]:
    return lambda self: fn(self)


RESHAPES: dict[str, Callable[..., Any]] = {
    "add": _binary(jnp.add),
    "sub": _binary(jnp.subtract),
    "rsub": _binary(lambda a, b: b - a),
    "mul": _binary(jnp.multiply),
    "div": _divide,
    "pow": _power,
    "maximum": _binary(jnp.maximum),
    "minimum": _binary(jnp.minimum),
    "neg": _unary(jnp.negative),
    "exp": _unary(jnp.exp),
    "log": _unary(jnp.log),
    "sqrt": _unary(jnp.sqrt),
    "rsqrt": _unary(jax.lax.rsqrt),
    "abs": _unary(jnp.abs),
    "square": _unary(jnp.square),
    "sin": _unary(jnp.sin),
    "cos": _unary(jnp.cos),
    "erf": _unary(jax.lax.erf),
    "matmul": _matmul,
    "bmm": _matmul,
    "view": _view,
    "reshape": lambda self, shape: _view(self, shape),
    "_unsafe_view": _view,
    "flatten": _flatten,
    "unflatten": _unflatten,
    "permute": lambda self, dims: self.transpose(tuple(dims)),
    "transpose": lambda self, dim0, dim1: self.swapaxes(dim0, dim1),
    "t": lambda self: self.T,
    "unsqueeze": lambda self, dim: jnp.expand_dims(self, dim),
    "squeeze": _squeeze,
    "expand": _expand,
    "mean": _reduced(jnp.mean),
    "sum": _reduced(jnp.sum),
    "amax": _reduced(jnp.max),
    "cat": _tensors(jnp.concatenate),
    "concat": _tensors(jnp.concatenate),
    "stack": _tensors(jnp.stack),
    "slice": _slice,
    "select": _select,
    "chunk": _chunk,
    "split": _split,
    "split_with_sizes": _split_with_sizes,
    "pad": _pad,
    "constant_pad_nd": _pad,
    "index": _index,
    "slice_scatter": _slice_scatter,
    "select_scatter": _select_scatter,
    "copy": lambda self, src, non_blocking=False: jnp.broadcast_to(src, self.shape),
    "fill": lambda self, value: jnp.full_like(self, value),
    "new_zeros": lambda self, size, **how: jnp.zeros(tuple(size), self.dtype),
    "new_ones": lambda self, size, **how: jnp.ones(tuple(size), self.dtype),
    "zeros_like": lambda self, **how: jnp.zeros_like(self),
    "ones_like": lambda self, **how: jnp.ones_like(self),
    "eq": _binary(jnp.equal),
    "ne": _binary(jnp.not_equal),
    "lt": _binary(jnp.less),
    "gt": _binary(jnp.greater),
    "masked_fill": _masked_fill,
    "where": _where,
    "roll": _roll,
    **dict.fromkeys(
        ("clone", "contiguous", "detach", "alias", "to", "lift_fresh_copy",
         "_to_copy", "type_as", "detach_"), _same,
    ),
    **dict.fromkeys(
        ("_assert_tensor_metadata", "sym_constrain_range_for_size", "_assert_scalar"),
        _nothing,
    ),
}  # fmt: skip
"""By the name of torch's operation, what it computes."""
