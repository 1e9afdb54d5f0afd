"""Merge records of parts into one, and several attacks into their worst case."""

from collections.abc import Sequence
from dataclasses import fields

import jax
from jax import Array
from jax import numpy as jnp
from jax.core import Tracer

from purifax.record.outcomes import Record

__all__ = ["merge", "worst_case"]


def merge(records: Sequence[Record]) -> Record:
    """Merge the records of disjoint or overlapping sets of images.

    The result is sorted by index, and the same for any order and grouping of the parts.
    An image that occurs twice with the same outcomes is kept once. Works on concrete
    arrays, outside `jit`, since the number of images depends on the data.

    Raises:
        ValueError: one image has two different outcomes, or the numbers of keys differ.

    >>> def part(i):
    ...     answers = jnp.zeros((1, 1), int)
    ...     return Record(jnp.array([i]), answers[0], answers, answers, jnp.zeros(1))
    >>> merge([part(5), part(2), part(5)]).index.tolist()
    [2, 5]
    """
    if not records:
        raise ValueError("There are no records to merge; give one at least.")
    parts = [_rows(record) for record in records]
    keys = sorted({_keys(part) for part in parts})
    if len(keys) > 1:
        raise ValueError(f"Records to merge must have as many keys; got {keys}.")
    rows = jnp.concatenate(parts)
    rows = rows[jnp.argsort(rows[:, 0], stable=True)]
    again = rows[1:, 0] == rows[:-1, 0]
    clash = again & jnp.any(rows[1:] != rows[:-1], axis=1)
    if clash.any():
        raise ValueError(
            f"Image {int(rows[1:, 0][clash][0])} has two different outcomes in the "
            "records to merge. Are they of one attack and model, under the same keys?"
        )
    return _record(rows[jnp.concatenate([jnp.ones(1, bool), ~again])])


def worst_case(records: Sequence[Record]) -> Record:
    """For each image the attack that leaves the fewest correct answers, or the first.

    The records are those of several attacks on one model, on the same images with the
    same number of keys. `clean` is that of the first. The choice is made on the same
    keys that are then counted, so the result is biased against the defender, the more
    so the fewer keys there are.

    Raises:
        ValueError: images, labels or numbers of keys differ.

    >>> def attack(answer):
    ...     answers = jnp.full((1, 1), answer)
    ...     return Record(jnp.array([7]), jnp.zeros(1), answers, answers, jnp.zeros(1))
    >>> worst_case([attack(0), attack(4)]).attacked.tolist()
    [[4]]
    """
    parts = [merge([record]) for record in records]
    if not parts:
        raise ValueError("There are no records to choose from; give one at least.")
    first = parts[0]
    for other in parts[1:]:
        if other.attacked.shape != first.attacked.shape or bool(
            jnp.any((other.index != first.index) | (other.label != first.label))
        ):
            raise ValueError(
                "The worst case is taken over attacks on the same images with as many "
                f"keys; got {_size(first)} and {_size(other)}, or other indices or "
                "labels."
            )
    attacked = jnp.stack([part.attacked for part in parts])
    distance = jnp.stack([part.distance for part in parts])
    right = jnp.sum(attacked == first.label[None, :, None], axis=2)
    chosen = jnp.argmin(right, axis=0)[None]
    return Record(
        index=first.index,
        label=first.label,
        clean=first.clean,
        attacked=jnp.take_along_axis(attacked, chosen[..., None], axis=0)[0],
        distance=jnp.take_along_axis(distance, chosen, axis=0)[0],
    )


def _rows(record: Record) -> Array:
    """A record as one row of integers per image, int32 [N, 3 + 2 M], index first.

    Distances are stored as their bits, so that equal rows are equal outcomes, including
    NaN.
    """
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(record)):
        raise ValueError("Records are merged outside `jit`, `vmap` and `grad`.")
    shapes = {f.name: jnp.shape(getattr(record, f.name)) for f in fields(record)}
    n, m = (*shapes["clean"], 0, 0)[:2]
    wanted = {"index": (n,), "label": (n,), "clean": (n, m)}
    if shapes != wanted | {"attacked": (n, m), "distance": (n,)} or n * m == 0:
        raise ValueError(
            "A record holds index [N], label [N], clean [N, M], attacked [N, M] and "
            f"distance [N], with N and M one at least; got {shapes}."
        )
    distance = jnp.asarray(record.distance).astype(jnp.float32)
    columns = [
        jnp.asarray(record.index)[:, None],
        jnp.asarray(record.label)[:, None],
        jax.lax.bitcast_convert_type(distance, jnp.int32)[:, None],
        jnp.asarray(record.clean),
        jnp.asarray(record.attacked),
    ]
    return jnp.concatenate([column.astype(jnp.int32) for column in columns], axis=1)


def _keys(rows: Array) -> int:
    return (rows.shape[1] - 3) // 2


def _record(rows: Array) -> Record:
    """The inverse of `_rows`."""
    keys = _keys(rows)
    return Record(
        index=rows[:, 0],
        label=rows[:, 1],
        clean=rows[:, 3 : 3 + keys],
        attacked=rows[:, 3 + keys :],
        distance=jax.lax.bitcast_convert_type(rows[:, 2], jnp.float32),
    )


def _size(record: Record) -> str:
    images, keys = record.attacked.shape
    return f"{images} images x {keys} keys"
