"""Purifiers ready for use: trained weights, the numbers of their card, and images.

    purified = purifax.purify_images(images, "digits_dsm", key=jax.random.key(0))

An edge of the package: it reads weights, compiles, and takes NumPy arrays. What
purifies is the network's kind: ADP (`purify.adaptive`) for a score, diffusion back from
noise (`purify.diffuse_from`) for the model of a noise process, Langevin steps for an
energy.
"""

import functools
from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import purify, sample, weights
from purifax.transform.batching import batched
from purifax.types import Purifier

__all__ = ["METHODS", "purifier", "purify_images"]

METHODS = {
    "adaptive": ("levels", "sigma", "rate", "smallest", "largest", "stop"),
    "diffuse": ("sigmas",),
    "langevin": ("step_sizes", "temperature"),
}
"""The numbers of each kind of purifier; those of a card are its defaults."""

NEEDED = {"adaptive": ("levels", "sigma"), "diffuse": ("sigmas",)}
NEEDED["langevin"] = ("step_sizes",)


def purifier(name: str, **numbers: Any) -> Purifier:
    """The purifier `(key, x) -> x` that the card of trained weights advises.

    Args:
        name: of shipped weights (`weights.names()`), or a work directory, which has no
            card, so that its numbers must be given.
        numbers: in place of the card's: of ADP `levels` [T], `sigma`, `rate`,
            `smallest`, `largest`, `stop`; of diffusion `sigmas` [T + 1], falling; of an
            energy's Langevin steps `step_sizes` [T] and `temperature`.

    Returns:
        A `Partial`, for one image; a pytree, to be passed into `jit`.

    Raises:
        FileNotFoundError: there are no such weights.
        ValueError: they are a classifier's, a number is unknown, or one is missing.

    >>> purifier("digits_dsm", sigma=0.1).keywords["sigma"]
    0.1
    """
    method = _method(name)
    card = weights.card(name)["purify"] if name in weights.names() else None
    given = {k: v for k, v in (card or {}).items() if k in METHODS[method]} | numbers
    known = ", ".join(METHODS[method])
    for number in numbers:
        if number not in METHODS[method]:
            raise ValueError(f"{name} has no number {number!r}; it has {known}.")
    missing = [number for number in NEEDED[method] if number not in given]
    if missing:
        raise ValueError(
            f"{name} has no card that advises a purifier: give "
            f"{', '.join(f'{number}=...' for number in missing)} (of {known})."
        )
    arrays = {k: jnp.asarray(v) if np.ndim(v) else v for k, v in given.items()}
    if method == "langevin":
        tempered = weights.energy(name)
        arrays = {"temperature": tempered.temperature} | arrays
        return Partial(purify.langevin, energy=tempered.energy, **arrays)
    if method == "diffuse":
        variance = weights.prediction(name).variance(weights.load(name))
        arrays["sampler"] = Partial(sample.ancestral, variance=variance)
        return Partial(purify.diffuse_from, score=weights.score(name), **arrays)
    return Partial(purify.adaptive, score=weights.score(name), **arrays)


def purify_images(
    images: Any, weights: str, *, key: Array, chunk: int = 256, **numbers: Any
) -> Any:
    """Purifies one image or a batch by trained weights.

    Args:
        images: a NumPy or JAX array [N, H, W, C] or [H, W, C], and [N, H, W] or [H, W]
            where C is 1: uint8, or floating in [0, 1].
        weights: a name of `weights.names()`, or a work directory.
        key: a typed key, `jax.random.key(0)`. An image's noise is that of its place
            in the batch, whatever its neighbours are.
        chunk: images at once; bounds memory.
        numbers: in place of the card's, see `purifier`.

    Returns:
        Purified images: of the same kind of array, shape and dtype, in the same range.

    Raises:
        ValueError: another size, range, dtype or order of axes than the weights take.
        FileNotFoundError: there are no such weights.

    >>> grey = np.full((2, 8, 8, 1), 128, np.uint8)
    >>> purified = purify_images(grey, "digits_dsm", key=jax.random.key(0))
    >>> purified.shape, purified.dtype
    ((2, 8, 8, 1), dtype('uint8'))
    """
    bound = purifier(weights, **numbers)
    given = images if isinstance(images, jax.Array) else np.asarray(images)
    _check_key(key)
    _check_values(given)
    if chunk < 1:
        raise ValueError(f"chunk must be 1 or more; got {chunk}.")
    batch = _batch(given, weights)
    scale = 255 if given.dtype == np.uint8 else 1
    purified = jnp.asarray(batch, jnp.float32) / scale
    if len(batch):
        purified = _run(bound, key, purified, chunk) * scale
    if scale > 1:
        purified = jnp.round(purified)
    if isinstance(given, jax.Array):
        return purified.astype(given.dtype).reshape(given.shape)
    return np.asarray(purified).astype(given.dtype).reshape(given.shape)


@functools.partial(jax.jit, static_argnames="chunk")
def _run(bound: Purifier, key: Array, x: Array, chunk: int) -> Array:
    return jnp.clip(batched(bound, chunk)(key, x), 0, 1)


def _method(name: str) -> str:
    """The kind of purifier that a network is for."""
    role = weights.role(name)
    if role == "energy":
        return "langevin"
    if role != "score":
        others = ", ".join(n for n in weights.names() if weights.role(n) != role)
        raise ValueError(
            f"{name} holds a {role}, which does not purify; these do: {others}."
        )
    return "adaptive" if weights.prediction(name).process is None else "diffuse"


def _check_key(key: Any) -> None:
    """Refuses numbers and raw keys."""
    dtype = getattr(key, "dtype", None)
    if dtype is None or not jnp.issubdtype(dtype, jax.dtypes.prng_key):
        raise ValueError(
            f"key must be a typed key such as jax.random.key(0); got {key!r:.40}."
        )


def _batch(x: Any, name: str) -> Any:
    """The images as [N, H, W, C].

    Raises:
        ValueError: they have another size, or their channels stand first.
    """
    shape = weights.image_shape(name)
    if x.shape[-3:] == shape and x.ndim in (3, 4):
        return x.reshape(-1, *shape)
    if shape[-1] == 1 and x.shape[-2:] == shape[:2] and x.ndim in (2, 3):
        return x.reshape(-1, *shape)
    height, width, channels = shape
    wanted = f"{name} takes images [{height}, {width}, {channels}], alone or in a batch"
    hint = _hint(x.shape, shape)
    raise ValueError(f"got an array of shape {x.shape}; {wanted}. {hint}")


def _hint(got: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """What to do with images of another shape."""
    height, width, channels = shape
    if len(got) in (3, 4) and got[-3:] == (channels, height, width):
        axes = (1, 2, 0) if len(got) == 3 else (0, 2, 3, 1)
        return f"Channels come last here: images.transpose{axes}."
    fit = [
        name
        for name in weights.names()
        if got[-3:] == weights.image_shape(name) and weights.role(name) != "classifier"
    ]
    if fit and len(got) in (3, 4):
        return f"Weights for such images: {', '.join(fit)}."
    return f"Resize them to {height} x {width}, or train weights for their size."


def _check_values(x: Any) -> None:
    """Refuses dtypes and ranges in which an image is not given.

    Raises:
        ValueError: which, and what would be right.
    """
    if x.dtype == np.uint8:
        return
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(
            f"images are {x.dtype}; give uint8, or floating numbers in [0, 1]."
        )
    low, high = (float(x.min()), float(x.max())) if x.size else (0.0, 0.0)
    if 0 <= low and high <= 1:
        return
    if not np.isfinite([low, high]).all():
        raise ValueError("images have values that are not finite.")
    hint = "Divide them by their largest value."
    if -1 <= low < 0 and high <= 1:
        hint = "If they are in [-1, 1], give (images + 1) / 2."
    elif 0 <= low and high <= 255:
        hint = "If they are in [0, 255], give images / 255, or uint8."
    raise ValueError(
        f"images go from {low:g} to {high:g}; they must be in [0, 1]. {hint}"
    )
