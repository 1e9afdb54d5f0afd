"""A purifier of batches of 8-bit images, on all devices of this process.

An image's key is the seed folded with the image's id, so that its noise depends on
neither the batch, the shard, the worker nor the number of devices.

Its bits depend on the compiled program besides: XLA orders the sums of another batch
shape differently. A program is therefore compiled for one number of images on each
device, the share; the last batch is filled up to it. With one share, the bits of an
image do not depend on its neighbours, its place in the batch or the number of devices,
on devices of one kind and with one version of jax.
"""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.recipe import checks
from purifax.transform import batch_mesh, batched
from purifax.types import Purifier

__all__ = [
    "BatchedPurifier",
    "batched_purifier",
    "check_batch",
    "key_words",
    "share",
]

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


def check_batch(purify: Any, batch: Any) -> None:
    """Refuse a number of images at once that is not the purifier's.

    Raises:
        ValueError: it is no positive integer, or another than it was compiled for.

    >>> check_batch(lambda words, pixels: (pixels, words[:, 0] > 0), 5)
    """
    wanted = getattr(purify, "images", batch)
    if type(batch) is not int or batch < 1 or batch != wanted:
        more = "1 image or more" if batch == wanted else f"{wanted}, as the purifier's"
        raise ValueError(f"`batch` must be {more}; got {batch!r}.")


def share(batch: int, devices: Sequence[Any] | None = None) -> int:
    """The images that each device takes at once, of a batch divided among devices."""
    return batch // len(_chosen(batch, devices))


def batched_purifier(
    purifier: Purifier, seed: int, batch: int, devices: Sequence[Any] | None = None
) -> BatchedPurifier:
    """The purifier for batches of one size, compiled once for each device.

    Args:
        purifier: `(key, x) -> x`, a pytree such as a `Partial`.
        seed: of the noise, from 0 to 2**32 - 1. An image's key is
            `fold_in(key(seed), low)` with the low word of its id, folded again with the
            high word where that is not 0.
        batch: images at once.
        devices: of this process, all by default; as many are used as divide the batch.

    Returns:
        The function. Its attribute `share` is the number of images that each device
        takes at once, the shape that its program is compiled for.

    Raises:
        ValueError: a seed that jax does not keep apart from others, or a batch that has
            no image.

    >>> same = batched_purifier(Partial(lambda key, x: x), seed=0, batch=2)
    >>> pixels, finite = same(key_words([0, 1]), np.full((2, 4, 4, 1), 7, np.uint8))
    >>> np.asarray(pixels).max().item(), np.asarray(finite).all().item()
    (7, True)
    """
    checks.seed("`seed`", seed)
    check_batch(purifier, batch)
    chosen, one = _chosen(batch, devices), Partial(_purified, purifier=purifier)
    copies = [(device, _put(one, device)) for device in chosen]
    return _Batched(copies, seed, batch // len(chosen))


def _chosen(batch: int, devices: Sequence[Any] | None) -> list[Any]:
    return list(batch_mesh(batch, devices).devices.flat)


def _put(things: Any, device: Any) -> Any:
    """A copy whose arrays are on a device; everything else stays as it is."""

    def put(leaf: Any) -> Any:
        kept = not isinstance(leaf, Array | np.ndarray)
        return leaf if kept else jax.device_put(leaf, device)

    return jax.tree.map(put, things)


class _Batched:
    """A purifier on each of some devices; see `batched_purifier`.

    Each device runs a program of its own. One program for all of them, partitioned by
    XLA, is fused differently than that of a single device, and rounds differently.
    """

    def __init__(self, copies: list[tuple[Any, Any]], seed: int, share: int) -> None:
        self.share, self.images = share, share * len(copies)
        self._copies, self.seed = copies, seed
        self._programs: dict[tuple[int, ...], list[Callable]] = {}

    def __call__(self, words: np.ndarray, pixels: np.ndarray) -> tuple[Any, Any]:
        if not len(words) == len(pixels) == self.images:
            raise ValueError(
                f"got {len(words)} keys and {len(pixels)} images; this purifier takes "
                f"batches of {self.images}."
            )
        parts = [self._part(n, words, pixels) for n in range(len(self._copies))]
        if pixels.shape not in self._programs:
            self._programs[pixels.shape] = _compiled(parts)
        programs = self._programs[pixels.shape]
        found = [run(*part) for run, part in zip(programs, parts, strict=True)]
        purified, finite = zip(*found, strict=True)
        return _Joined(purified), _Joined(finite)

    def _part(self, place: int, words: np.ndarray, pixels: np.ndarray) -> tuple:
        """The arguments of one device's program, on that device."""
        device, one = self._copies[place]
        rows = slice(place * self.share, (place + 1) * self.share)
        key = jax.random.key(self.seed, impl="threefry2x32")
        return one, *jax.device_put((key, words[rows], pixels[rows]), device)


def _compiled(parts: Sequence[tuple]) -> list[Callable]:
    """The program of each device; all are compiled at the same time."""
    lowered = [jax.jit(_program).lower(*part) for part in parts]
    with ThreadPoolExecutor(len(parts)) as pool:
        return list(pool.map(lambda program: program.compile(), lowered))


class _Joined:
    """The parts of one array on several devices, fetched and joined when it is read."""

    def __init__(self, parts: Sequence[Array]) -> None:
        self._parts = parts

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        del copy  # the parts are always copied
        joined = np.concatenate([np.asarray(part) for part in self._parts])
        return joined if dtype is None else joined.astype(dtype)


def _program(one: Callable, key: Array, words: Array, pixels: Array) -> Any:
    return batched(one)(key, words[:, 1], pixels, index=words[:, 0])


def _purified(
    key: Array, high: Array, pixels: Array, purifier: Purifier
) -> tuple[Array, Array]:
    """The purified pixels of one image, and whether all its values are finite."""
    key = jax.lax.cond(high == 0, lambda: key, lambda: jax.random.fold_in(key, high))
    y = purifier(key, pixels.astype(jnp.float32) / 255)
    known = jnp.isfinite(y)
    clipped = jnp.clip(jnp.where(known, y, 0.0), 0, 1)
    return jnp.round(clipped * 255).astype(jnp.uint8), jnp.all(known)
