"""Windows of torch's ATen set as JAX functions: the largest pixel, and the mean.

See `bridge.operations`.
"""

from collections.abc import Callable
from typing import Any

from jax import Array, lax
from jax import numpy as jnp

__all__ = ["POOLS", "pair"]


def pair(numbers: Any, count: int) -> tuple[int, ...]:
    """One number for each axis over pixels; torch repeats a single one."""
    given = [numbers] if isinstance(numbers, int) else list(numbers)
    return tuple(given * count if len(given) == 1 else given)


def max_pool(
    self: Array,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
) -> Array:
    """The largest pixel of each window."""
    count = self.ndim - 2
    window, step, room = _windows(self, kernel_size, stride, padding, ceil_mode)
    spread = (1, 1, *pair(dilation, count))
    if ceil_mode and any(d > 1 for d in spread):
        raise NotImplementedError("ceil_mode with dilation")
    low = -jnp.inf
    return lax.reduce_window(
        self, low, lax.max, window, step, room, window_dilation=spread
    )


def avg_pool(
    self: Array,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None = None,
) -> Array:
    """The mean of each window, of the part of it that lies on the padded image."""
    window, step, room = _windows(self, kernel_size, stride, padding, ceil_mode)
    total = lax.reduce_window(self, 0.0, lax.add, window, step, room)
    if divisor_override:
        return total / divisor_override
    own = [(0, 0), (0, 0), *((p, p) for p in pair(padding, self.ndim - 2))]
    inside = jnp.ones_like(self[:1, :1])
    inside = jnp.pad(inside, own, constant_values=float(count_include_pad))
    rest = [(a - p, b - p) for (a, b), (p, _) in zip(room, own, strict=True)]
    return total / lax.reduce_window(inside, 0.0, lax.add, window, step, rest)


def _windows(
    x: Array, kernel: Any, stride: Any, padding: Any, ceil: bool
) -> tuple[tuple[int, ...], tuple[int, ...], list[tuple[int, int]]]:
    """Window, step and padding of each axis; a last part of a window counts if ceil."""
    count = x.ndim - 2
    size, room = pair(kernel, count), pair(padding, count)
    step = pair(stride, count) if stride else size
    padded = []
    for n, k, s, p in zip(x.shape[2:], size, step, room, strict=True):
        left = (n + 2 * p - k) % s
        more = s - left if ceil and left and n + p > n + 2 * p - k - left + s else 0
        padded.append((p, p + more))
    return (1, 1, *size), (1, 1, *step), [(0, 0), (0, 0), *padded]


def adaptive_avg_pool(self: Array, output_size: Any) -> Array:
    """The mean of so many windows on each axis, of nearly equal sizes."""
    x = self
    for axis, size in enumerate(pair(output_size, x.ndim - 2), start=2):
        weights = _bins(x.shape[axis], size, x.dtype)
        x = jnp.moveaxis(jnp.moveaxis(x, axis, -1) @ weights, -1, axis)
    return x


def adaptive_max_pool(self: Array, output_size: Any) -> tuple[Array, None]:
    """The largest pixel of so many windows on each axis; where it is is not given."""
    x = self
    for axis, size in enumerate(pair(output_size, x.ndim - 2), start=2):
        parts = [
            lax.slice_in_dim(x, start, end, axis=axis).max(axis)
            for start, end in _ends(x.shape[axis], size)
        ]
        x = jnp.stack(parts, axis)
    return x, None


def _ends(length: int, count: int) -> list[tuple[int, int]]:
    """Where each window begins and ends."""
    return [(i * length // count, -(-(i + 1) * length // count)) for i in range(count)]


def _bins(length: int, count: int, dtype: Any) -> Array:
    """[length, count]: the weight of each pixel in each window."""
    columns = []
    for start, end in _ends(length, count):
        inside = (jnp.arange(length) >= start) & (jnp.arange(length) < end)
        columns.append(inside.astype(dtype) / (end - start))
    return jnp.stack(columns, axis=1)


POOLS: dict[str, Callable[..., Any]] = {
    **{f"max_pool{n}d": max_pool for n in (1, 2)},
    **{f"avg_pool{n}d": avg_pool for n in (1, 2)},
    **{f"adaptive_avg_pool{n}d": adaptive_avg_pool for n in (1, 2)},
    **{f"adaptive_max_pool{n}d": adaptive_max_pool for n in (1, 2)},
}
"""By the name of torch's operation, what it computes."""
