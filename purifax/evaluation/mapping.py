"""A one-image function over a whole set, a chunk at a time, on all devices."""

from collections.abc import Callable

import numpy as np
from jax import Array
from jax.sharding import Mesh

from purifax.run.progress import each
from purifax.transform import in_chunks, sharded

__all__ = ["over"]


def over(
    fn: Callable,
    mesh: Mesh,
    chunk: int,
    key: Array,
    index: np.ndarray,
    *batch: np.ndarray,
) -> np.ndarray:
    """`fn(key, *one)` of every image, with the key of its index, as `purifax.batched`.

    Args:
        fn: a pytree; another with other numbers in it compiles nothing anew.
        chunk: images at once, lowered to what divides among the devices.
        index: int [N], the images' own numbers.
        batch: arrays [N, ...].
    """
    share = mesh.shape["batch"]
    chunk = max(share, chunk - chunk % share)
    run = in_chunks(
        sharded(fn, mesh),
        chunk,
        progress=lambda starts: each("chunks of images", starts, "chunk"),
    )
    return run(key, *batch, index=index)
