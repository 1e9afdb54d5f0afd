"""From a function of one image to a function of many on one device."""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.types import as_pytree, expect

__all__ = ["batched", "numbers"]


def batched(fn: Callable[..., Any], chunk: int | None = None) -> Callable[..., Any]:
    """Map a one-image function `fn(key, *one)` over leading axes.

    Every image gets its own key, `fold_in(key, index)`, so its noise depends on its
    index alone: not on its neighbours, the batch size, the chunk or the mesh. Compiled
    for one batch shape, an image has the same bits whatever its neighbours are. Another
    batch size, chunk or mesh is another program, which rounds differently.

    Args:
        fn: one-image function; a pytree (such as a `Partial`) or a plain function.
        chunk: images mapped at once, one chunk after another; None maps all at once.
            Bounds memory. A last, smaller chunk is mapped by itself.

    Returns:
        `run(key, *batch, index=None)`: `batch` are pytrees with a leading axis [N];
        `index: int [N]` are the images' own numbers, 0 .. N - 1 by default. A pytree:
        it may be passed into `jit`.

    Raises:
        ValueError: `chunk` is not positive; when run, the leading axes differ or
            `index` is not one integer per image.

    >>> import jax, jax.numpy as jnp
    >>> draw = batched(lambda key, x: x + jax.random.normal(key))
    >>> key, x = jax.random.key(0), jnp.zeros(3)
    >>> alone = draw(key, x[2:], index=jnp.array([2]))
    >>> bool(draw(key, x)[2] == alone[0])
    True
    """
    if chunk is not None and chunk < 1:
        raise ValueError(f"`chunk` must be at least 1 image, or None; got {chunk}.")
    return Partial(_Run(chunk), as_pytree(fn))


class _Run:
    """The mapping itself; equal for equal chunks, so that `jit` does not retrace."""

    def __init__(self, chunk: int | None) -> None:
        self.chunk = chunk

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Run) and self.chunk == other.chunk

    def __hash__(self) -> int:
        return hash(("purifax.batched", self.chunk))

    def __call__(
        self,
        fn: Callable[..., Any],
        key: Array,
        *batch: Any,
        index: Array | None = None,
    ) -> Any:
        index, key = numbers(batch, index), checks.batchable(key)

        def one(row: tuple[Array, tuple]) -> Any:
            number, example = row
            return fn(jax.random.fold_in(key, number), *example)

        if self.chunk is None:
            return jax.vmap(one)((index, batch))
        return jax.lax.map(one, (index, batch), batch_size=self.chunk)


def numbers(batch: Any, index: Array | None) -> Array:
    """The numbers of the images of a batch: `index`, or 0 .. N - 1 if it is None.

    Raises:
        ValueError: the leading axes of the batch differ, or `index` is not int [N].

    >>> numbers((jnp.zeros((3, 8, 8, 1)), jnp.zeros(3)), None).tolist()
    [0, 1, 2]
    """
    leaves = jax.tree_util.tree_leaves(batch)
    if not leaves and index is not None:
        leaves = [index]  # a function of the key alone
    if not leaves:
        raise ValueError("A batch needs at least one array, such as the images.")
    expect("A batch", leaves[0], (None, *jnp.shape(leaves[0])[1:]))
    count = jnp.shape(leaves[0])[0]
    for leaf in leaves:
        checks.kept("A batch", leaf)
    for leaf in leaves[1:]:
        hint = "All arrays of a batch have one row per image."
        expect("A batch", leaf, (count, *jnp.shape(leaf)[1:]), hint=hint)
    if index is None:
        return jnp.arange(count)
    expect("`index`", index, (count,), int, hint="It holds one number per image.")
    return jnp.asarray(index)
