"""EOT samples of one image shared by devices, along a named axis of `jax.shard_map`.

With fewer images than devices, the devices that would be idle compute further samples
(draws of the noise) of the same images.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp

from purifax.types import noun

__all__ = ["Axis", "spread"]


@noun
@dataclass(frozen=True)
class Axis:
    """The name of an axis of devices."""

    name: str = field(metadata={"static": True})


def spread(
    fn: Callable[[Array, Array, dict[str, Array]], Any],
    x: Array,
    draws: Array,
    knobs: dict[str, Array],
    axis: Axis | None,
) -> Any:
    """`fn(x, draws, knobs)`, with the samples divided among the devices of an axis.

    Each device puts its outputs in their places, with zeros elsewhere, and these are
    summed over the axis. The image is marked as varying along it, so that its gradient
    is summed over the devices.

    Args:
        fn: returns outputs with a leading axis [S], one entry for each sample.
        x: the image, the same on all devices of the axis.
        draws: int [S], the numbers of the samples, or [G, S / G]; the last axis is
            divided among the devices.
        knobs: arrays with a leading axis [S].
        axis: None for one device, which computes all samples.

    Returns:
        All outputs, on every device.

    Raises:
        ValueError: the samples, or those of a group, do not divide among the devices.

    >>> from jax.sharding import PartitionSpec as P
    >>> double = lambda x, draws, knobs: x * draws
    >>> run = lambda x, draws: spread(double, x, draws, {}, Axis("device"))
    >>> mesh = jax.make_mesh((1,), ("device",))
    >>> run = jax.shard_map(run, mesh=mesh, in_specs=P(), out_specs=P())
    >>> run(jnp.array(2.0), jnp.arange(2.0)).tolist()
    [0.0, 2.0]
    """
    if axis is None:
        return fn(x, draws, knobs)
    shares = jax.lax.axis_size(axis.name)
    share, rest = divmod(draws.shape[-1], shares)
    if rest:
        raise ValueError(
            f"{draws.shape[-1]} draws at once do not divide over the {shares} devices "
            f"of the axis {axis.name!r}."
        )
    last, size = draws.ndim - 1, draws.size // shares
    first = jax.lax.axis_index(axis.name) * share

    def part_of(a: Array) -> Array:
        split = a.reshape(*draws.shape, *a.shape[1:])
        some = jax.lax.dynamic_slice_in_dim(split, first, share, axis=last)
        return some.reshape(size, *a.shape[1:])

    def whole(part: Array) -> Array:
        shape = part.shape[1:]
        part = part.reshape(*draws.shape[:-1], share, *shape)
        empty = jnp.zeros((*draws.shape, *shape), part.dtype)
        put = jax.lax.dynamic_update_slice_in_dim(empty, part, first, axis=last)
        return jax.lax.psum(put, axis.name).reshape(draws.size, *shape)

    own = part_of(draws.reshape(-1)).reshape(*draws.shape[:-1], share)
    varying = jax.lax.pcast(x, axis.name, to="varying")
    outputs = fn(varying, own, {name: part_of(knob) for name, knob in knobs.items()})
    return jax.tree.map(whole, outputs)
