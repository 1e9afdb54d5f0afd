"""A one-image function over a whole set, a chunk at a time, on all devices."""

from collections.abc import Callable

import numpy as np
from jax import Array
from jax.sharding import Mesh

from purifax.evaluation.batches import padded
from purifax.evaluation.predictions import mapped
from purifax.run.progress import each

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
    run, done = mapped(fn, mesh), []
    for start in each("chunks of images", range(0, len(index), chunk), "chunk"):
        rows = [padded(array, start, chunk) for array in (index, *batch)]
        done.append(np.asarray(run(key, *rows)))
    return np.concatenate(done)[: len(index)]
