"""A purifier of batches of 8-bit images, on all devices of this process.

An image's key is the seed folded with the image's id, so that its result depends on
neither the batch, the shard, the worker nor the number of devices.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.transform import batch_mesh, sharded
from purifax.types import Purifier

__all__ = ["BatchedPurifier", "batched_purifier", "key_words"]

BatchedPurifier = Callable[[np.ndarray, np.ndarray], tuple[Any, Any]]
"""`purify(key_words, pixels) -> (purified, finite)`: from uint32 [B, 2] and uint8
[B, H, W, C] to the purified pixels, uint8 [B, H, W, C], and whether all values of each
image were finite, bool [B]."""


def key_words(ids: Sequence[int | bytes]) -> np.ndarray:
    """The two words of each id that are folded into the key, uint32 [N, 2].

    The low and the high 32 bits of a number; of text, those of the first eight bytes of
    its sha256, little-endian.

    >>> key_words([7, 2**32 + 1, b"train_00007"]).tolist()
    [[7, 0], [1, 1], [1918745645, 414441380]]
    """
    return np.array([_number(one) for one in ids], "<u8").view("<u4").reshape(-1, 2)


def _number(one: int | bytes) -> int:
    if isinstance(one, bytes):
        return int.from_bytes(hashlib.sha256(one).digest()[:8], "little")
    return int(one) % 2**64


def batched_purifier(
    purifier: Purifier, seed: int, batch: int, devices: Sequence[Any] | None = None
) -> BatchedPurifier:
    """The purifier for batches of one size, compiled once.

    Args:
        purifier: `(key, x) -> x`, a pytree such as a `Partial`.
        seed: of the noise. An image's key is `fold_in(key(seed), low)` with the low
            word of its id, folded again with the high word where that is not 0.
        batch: images at once.
        devices: of this process, all by default; as many are used as divide the batch.

    >>> same = batched_purifier(Partial(lambda key, x: x), seed=0, batch=2)
    >>> pixels, finite = same(key_words([0, 1]), np.full((2, 4, 4, 1), 7, np.uint8))
    >>> np.asarray(pixels).max().item(), np.asarray(finite).all().item()
    (7, True)
    """
    one = Partial(_purified, purifier=purifier)
    run = sharded(one, batch_mesh(batch, devices))

    def purify(words: np.ndarray, pixels: np.ndarray) -> tuple[Any, Any]:
        return run(jax.random.key(seed), words[:, 1], pixels, index=words[:, 0])

    return purify


def _purified(
    key: Array, high: Array, pixels: Array, purifier: Purifier
) -> tuple[Array, Array]:
    """The purified pixels of one image, and whether all its values are finite."""
    key = jax.lax.cond(high == 0, lambda: key, lambda: jax.random.fold_in(key, high))
    y = purifier(key, pixels.astype(jnp.float32) / 255)
    known = jnp.isfinite(y)
    clipped = jnp.clip(jnp.where(known, y, 0.0), 0, 1)
    return jnp.round(clipped * 255).astype(jnp.uint8), jnp.all(known)
