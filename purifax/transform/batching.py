"""From a function of one image to a function of many on one device."""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.types import as_pytree

__all__ = ["batched"]


def batched(fn: Callable[..., Any], chunk: int | None = None) -> Callable[..., Any]:
    """Map a one-image function `fn(key, *one)` over leading axes.

    Every image gets its own key, `fold_in(key, index)`, so its result depends on its
    index alone: not on its neighbours, the batch size, the chunk or the mesh.

    Args:
        fn: one-image function; a pytree (such as a `Partial`) or a plain function.
        chunk: images mapped at once, one chunk after another; None maps all at once.
            Bounds memory. A last, smaller chunk gives the same results.

    Returns:
        `run(key, *batch, index=None)`: `batch` are pytrees with a leading axis [N];
        `index: int [N]` are the images' own numbers, 0 .. N - 1 by default. A pytree:
        it may be passed into `jit`.

    Raises:
        ValueError: `chunk` is not positive.

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
        if index is None:
            index = jnp.arange(jax.tree_util.tree_leaves(batch)[0].shape[0])
        index = jnp.asarray(index)

        def one(row: tuple[Array, tuple]) -> Any:
            number, example = row
            return fn(jax.random.fold_in(key, number), *example)

        if self.chunk is None:
            return jax.vmap(one)((index, batch))
        return jax.lax.map(one, (index, batch), batch_size=self.chunk)
