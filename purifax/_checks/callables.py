"""Rules for scores and purifiers, and the kind of key that may be mapped over."""

from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.types import as_pytree, expect

__all__ = ["answer", "batchable", "like", "purifier", "score", "tried"]


def score(name: str, value: Any, x: Any = None) -> Any:
    """A rule: a callable; what it gives for an image is like the image, or refused."""
    del name, x
    known_as = getattr(value, "func", None)
    return value if known_as is _like_image else Partial(_like_image, as_pytree(value))


def purifier(name: str, value: Any, x: Any = None) -> Any:
    """A rule: a callable of a key and an image, which gives an image like it."""
    del name, x
    known_as = getattr(value, "func", None)
    return value if known_as is _purified else Partial(_purified, as_pytree(value))


def _like_image(score: Any, x: Array, *more: Any) -> Array:
    return like(x, score(x, *more), "the score")


def _purified(purifier: Any, key: Any, x: Array, **knobs: Any) -> Array:
    return like(x, purifier(key, x, **knobs), "the purifier")


def like(x: Array, found: Any, what: str) -> Array:
    """What a network gave for an image, in its dtype, if it has its shape."""
    hint = "It would be broadcast against the image."
    expect(f"The output of {what} for one image", found, jnp.shape(x), hint=hint)
    return jnp.asarray(found, jnp.result_type(x))


def tried(what: str, call: Any, shape: tuple[int, ...], *more: Any) -> None:
    """Refuse a function `(key, x, ...) -> like x` of a user's that does not fit.

    It is traced for one image, as `jit` does, and not run.

    Raises:
        ValueError: it raises, or gives something else than floats like the image.

    >>> tried("the purifier", lambda key, x: x[0], (8, 8, 1))
    Traceback (most recent call last):
        ...
    ValueError: the purifier must give floats of shape [8, 8, 1] for one image; it \
gives float32 [8, 1].
    """
    key = jax.eval_shape(lambda: jax.random.key(0))
    x = jax.ShapeDtypeStruct(tuple(shape), jnp.float32)
    try:
        found = jax.eval_shape(call, key, x, *more)
    except Exception as error:  # a user's function may raise anything
        words = " ".join(str(error).split())[:200]
        raise ValueError(
            f"{what} cannot be traced by jax for one image {list(shape)}: "
            f"{type(error).__name__}: {words}"
        ) from error
    kind = getattr(found, "dtype", None)
    fits = kind is not None and jnp.issubdtype(kind, jnp.floating)
    if not fits or found.shape != x.shape:
        got = type(found).__name__ if kind is None else f"{kind} {list(found.shape)}"
        raise ValueError(
            f"{what} must give floats of shape {list(shape)} for one image; it gives "
            f"{got}."
        )


def batchable(key: Any) -> Any:
    """The key of a batch, of a kind whose draws do not depend on neighbours.

    Under `vmap` the draws of "rbg" keys depend on the first key of the batch. Another
    kind of key seeds one of "threefry2x32".
    """
    typed = jnp.issubdtype(jnp.result_type(key), jax.dtypes.prng_key)
    kind = jax.random.key_impl(key) if typed else jnp.shape(key)
    if kind in ("threefry2x32", (2,)):
        return key
    words = jax.random.bits(key, (2,), jnp.uint32)
    return jax.random.wrap_key_data(words, impl="threefry2x32")


def answer(x: Array, classifier: Any) -> Array:
    """The logits of a classifier for one image; NaN where the image has one.

    XLA's fast minimum and maximum on a CPU lose NaN, and so do the network's ReLUs.
    """
    logits = classifier(x)
    hint = "It is given one image [H, W, C], without a batch axis."
    expect("The output of the classifier for one image", logits, (None,), hint=hint)
    return jnp.where(jnp.any(jnp.isnan(x)), jnp.nan, logits)
