"""A purifier over batches of images, on all devices of this process.

An image's key is the seed folded with the image's id, so that its result depends on
neither the batch, the shard, the worker nor the number of devices.
"""

import functools
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jax.tree_util import Partial

from purifax.transform.batching import batched
from purifax.types import Purifier

__all__ = ["Wash", "key_words", "washer"]

Wash = Callable[[np.ndarray, np.ndarray], tuple[Any, Any]]
"""`wash(key_words, pixels)`: uint32 [B, 2] and uint8 [B, H, W, C] in; purified pixels,
uint8 [B, H, W, C], and whether each image's were finite, bool [B], out."""


def key_words(ids: Sequence[int | bytes]) -> np.ndarray:
    """What of an id is folded into the key, uint32 [N, 2].

    A number's low and high 32 bits; of text, those of the first eight bytes of its
    sha256, little-endian.

    >>> key_words([7, 2**32 + 1, b"train_00007"]).tolist()
    [[7, 0], [1, 1], [1918745645, 414441380]]
    """
    return np.array([_number(one) for one in ids], "<u8").view("<u4").reshape(-1, 2)


def _number(one: int | bytes) -> int:
    if isinstance(one, bytes):
        return int.from_bytes(hashlib.sha256(one).digest()[:8], "little")
    return int(one) % 2**64


def washer(
    purifier: Purifier, seed: int, batch: int, devices: Sequence[Any] | None = None
) -> Wash:
    """The purifier for batches of one size, compiled once.

    Args:
        purifier: `(key, x) -> x`, a pytree such as a `Partial`.
        seed: of the noise. An image's key is `fold_in(key(seed), low)`, and that folded
            with the high word of its id where it is not 0.
        batch: images at once.
        devices: of this process, all by default; as many are used as divide the batch.

    >>> nothing = washer(Partial(lambda key, x: x), seed=0, batch=2)
    >>> pixels, finite = nothing(key_words([0, 1]), np.full((2, 4, 4, 1), 7, np.uint8))
    >>> np.asarray(pixels).max().item(), np.asarray(finite).all().item()
    (7, True)
    """
    found = list(devices or jax.local_devices())
    count = next(n for n in range(len(found), 0, -1) if batch % n == 0)
    axes = (AxisType.Auto,)
    mesh = Mesh(np.asarray(found[:count]), ("batch",), axis_types=axes)
    bound = _placed(purifier, mesh)
    return lambda words, pixels: _washed(
        mesh, bound, jax.random.key(seed), words, pixels
    )


@functools.partial(jax.jit, static_argnames="mesh")
def _washed(
    mesh: Mesh, purifier: Purifier, key: Array, words: Array, pixels: Array
) -> tuple[Array, Array]:
    split, whole = PartitionSpec("batch"), PartitionSpec()
    share = jax.shard_map(
        _share, mesh=mesh, in_specs=(whole, whole, split, split), out_specs=split
    )
    return share(purifier, key, words, pixels)


def _share(
    purifier: Purifier, key: Array, words: Array, pixels: Array
) -> tuple[Array, Array]:
    x = pixels.astype(jnp.float32) / 255
    one = Partial(_one, purifier=purifier)
    y = batched(one)(key, words[:, 1], x, index=words[:, 0])
    finite = jnp.all(jnp.isfinite(y), axis=(1, 2, 3))
    safe = jnp.where(jnp.isfinite(y), y, 0.0)
    return jnp.round(jnp.clip(safe, 0, 1) * 255).astype(jnp.uint8), finite


def _one(key: Array, high: Array, x: Array, purifier: Purifier) -> Array:
    key = jax.lax.cond(high == 0, lambda: key, lambda: jax.random.fold_in(key, high))
    return purifier(key, x)


def _placed(purifier: Purifier, mesh: Mesh) -> Purifier:
    """Arrays that were put onto other devices, such as loaded weights, copied."""
    where = NamedSharding(mesh, PartitionSpec())

    def put(leaf: Any) -> Any:
        fixed = isinstance(leaf, jax.Array) and leaf.committed
        away = fixed and leaf.sharding.device_set != where.device_set
        return jax.device_put(leaf, where) if away else leaf

    return jax.tree.map(put, purifier)
