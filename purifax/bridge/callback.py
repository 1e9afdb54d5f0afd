"""Functions of another framework inside JAX programs, with derivatives of any order.

A host function takes and gives arrays whose first axis is over images, and knows its
own derivatives, which are host functions again:

    fn                          y = f(x)
    tangent = fn.tangent(...)   (x, dx) -> J dx
    tangent.transpose()         (x, v) -> J^T v, the pullback

`call` binds one as a primitive of JAX for a single image. Its rules make forward mode a
call of the tangent and reverse mode a call of the pullback; both have rules themselves,
so that ADP's curvature, a Jacobian-vector product, has its exact gradient. `vmap` adds
an axis to the arrays of the same call: any nest of `vmap` and `batched`, EOT samples
included, is one call of the host function for each step of the program.

The host function must be hashable; equal ones share a compiled program.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

__all__ = ["HostFunction", "call"]


class HostFunction(Protocol):
    """A function on the host, with its derivatives."""

    def __call__(self, *arrays: np.ndarray) -> Sequence[np.ndarray]:
        """The results for N images; every array has them along its first axis."""
        ...

    def results(self, *shapes: jax.ShapeDtypeStruct) -> list[jax.ShapeDtypeStruct]:
        """Shapes and dtypes of the results for one image, without the first axis."""
        ...

    def tangent(self, wrt: tuple[int, ...], size: int) -> "HostFunction":
        """`(x..., dx...) -> J dx` in the arguments `wrt` of `size` arguments x."""
        ...

    def transpose(self) -> "HostFunction":
        """Of a tangent its pullback, `(x..., v...) -> J^T v`, and the other way."""
        ...


def call(fn: HostFunction, *arguments: Any) -> list[Array]:
    """The results of a host function for the arrays of one image.

    >>> class Square:
    ...     def __call__(self, x):
    ...         return [x * x]
    ...     def results(self, x):
    ...         return [x]
    >>> jax.vmap(lambda x: call(Square(), x)[0])(jnp.array([2.0, 3.0]))
    Array([4., 9.], dtype=float32)
    """
    arrays = [jnp.asarray(a) for a in arguments]
    return _host.bind(*arrays, fn=fn, linear=0, lead=())


_host = Primitive("purifax_host")
_host.multiple_results = True
"""Parameters: `fn`; of how many of its last arguments it is a linear function; and
`lead`, the axes that all arrays have in common, over images."""


@dataclass(frozen=True)
class _Flat:
    """A host function on arrays with any number of axes over images."""

    fn: Any
    rank: int

    def __call__(self, *arrays: Any) -> tuple[np.ndarray, ...]:
        arrays = tuple(np.asarray(a) for a in arrays)
        lead = arrays[0].shape[: self.rank]
        rows = math.prod(lead)
        flat = (a.reshape((rows, *a.shape[self.rank :])) for a in arrays)
        found = self.fn(*flat)
        return tuple(a.reshape((*lead, *a.shape[1:])) for a in found)


def _shapes(*found: Any, fn: Any, linear: int, lead: tuple[int, ...]) -> list[Any]:
    """Shapes and dtypes of the results, with the axes over images."""
    del linear
    rank = len(lead)
    one = (jax.ShapeDtypeStruct(a.shape[rank:], a.dtype) for a in found)
    results = fn.results(*one)
    return [jax.ShapeDtypeStruct((*lead, *a.shape), a.dtype) for a in results]


def _run(*arrays: Array, fn: Any, linear: int, lead: tuple[int, ...]) -> Any:
    shapes = _shapes(*arrays, fn=fn, linear=linear, lead=lead)
    return jax.pure_callback(_Flat(fn, len(lead)), tuple(shapes), *arrays)


def _abstract(*avals: Any, **params: Any) -> Any:
    # Whatever else jax knows of an array, such as the axes of a `shard_map` over which
    # it varies, the results have from the first argument.
    shapes = _shapes(*avals, **params)
    return [avals[0].update(shape=s.shape, dtype=s.dtype) for s in shapes]


def _jvp(primals: Any, tangents: Any, *, fn: Any, linear: int, lead: Any) -> Any:
    found = _host.bind(*primals, fn=fn, linear=linear, lead=lead)
    wrt = tuple(i for i, t in enumerate(tangents) if not isinstance(t, ad.Zero))
    moved = [ad.instantiate_zeros(tangents[i]) for i in wrt]
    fixed = len(primals) - linear
    if all(i >= fixed for i in wrt):  # linear in these: the same function again
        last = map(ad.instantiate_zeros, tangents[fixed:])
        arrays = (*primals[:fixed], *last)
        return found, _host.bind(*arrays, fn=fn, linear=linear, lead=lead)
    ahead = fn.tangent(wrt, len(primals))
    slope = _host.bind(*primals, *moved, fn=ahead, linear=len(wrt), lead=lead)
    return found, slope


def _transpose(cotangents: Any, *arrays: Any, fn: Any, linear: int, lead: Any) -> Any:
    fixed = arrays[: len(arrays) - linear]
    pulled = [ad.instantiate_zeros(ct) for ct in cotangents]
    back = fn.transpose()
    found = _host.bind(*fixed, *pulled, fn=back, linear=len(pulled), lead=lead)
    unknown = arrays[len(fixed) :]
    given = [
        ct if ad.is_undefined_primal(a) else None
        for a, ct in zip(unknown, found, strict=True)
    ]
    return [None] * len(fixed) + given


def _batch(arrays: Any, axes: Any, *, fn: Any, linear: int, lead: Any) -> Any:
    count = next(
        a.shape[axis]
        for a, axis in zip(arrays, axes, strict=True)
        if axis is not None  # jax names an axis that is not mapped so
    )
    wide = [_first(a, axis, count) for a, axis in zip(arrays, axes, strict=True)]
    found = _host.bind(*wide, fn=fn, linear=linear, lead=(count, *lead))
    return found, [0] * len(found)


def _first(array: Array, axis: Any, count: int) -> Array:
    """The mapped axis first; an array that has none is repeated along one."""
    array = jnp.asarray(array)  # a literal of the program may be a plain number
    if axis is None:
        return jnp.broadcast_to(array[None], (count, *array.shape))
    return jnp.moveaxis(array, axis, 0)


_host.def_impl(_run)
_host.def_abstract_eval(_abstract)
ad.primitive_jvps[_host] = _jvp
ad.primitive_transposes[_host] = _transpose
batching.primitive_batchers[_host] = _batch
mlir.register_lowering(_host, mlir.lower_fun(_run, multiple_results=True))
