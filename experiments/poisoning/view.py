"""What a victim with a defence shows its network of an image, and with which gradient.

What rounds has no gradient: JPEG and few bits have that of the identity, grey that of
the same weights without rounding.
"""

from collections.abc import Mapping
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning.config import SET_DEFENCE
from experiments.poisoning.defences.images import (
    JPEG,
    BitDepth,
    Grayscale,
    GrayscaleOnce,
)
from experiments.poisoning.defences.plan import plan
from experiments.poisoning.defences.stage import Context
from purifax import backward, purify
from purifax.run.config import make
from purifax.types import Purifier

__all__ = ["view"]

_GREY = (0.299, 0.587, 0.114)


def view(
    context: Context,
    known: Mapping[str, Any],
    against: str,
    *,
    whole: bool,
    exact: bool,
) -> Purifier:
    """The purifier `(key, x) -> x` in front of a network.

    Args:
        context: whose images are the clean ones: models that learn the set have
            learned it clean.
        known: recipes of defences by name, beside the built-in ones.
        whole: the defence's purifier of the set too, not its change of batches alone.
        exact: the gradient goes through that purifier; else it is the identity's.

    Raises:
        ValueError: the defence has parts that do not treat images one by one, nothing
            that there is to go through, or a purifier outside of a grid.
    """
    parts = plan(make(SET_DEFENCE, against, known))
    once = parts.once if whole else ()
    for part in (*once, *parts.batches, *parts.training):
        if not hasattr(part, "of_image"):
            raise ValueError(
                f"against={against}: {type(part).__name__} does not treat images one "
                "by one, so that there is nothing to go through."
            )
    if not (once or parts.batches):
        raise ValueError(
            f"against={against} does nothing to batches alone: there is nothing to go "
            "through."
        )
    purifiers = [_smooth(part, context) for part in once]
    if not exact:
        purifiers = [backward.straight_through(one) for one in purifiers]
    changes = [_smooth(part, context) for part in parts.batches]
    return Partial(purify.chain, purifiers=(*purifiers, *changes))


def _smooth(part: Any, context: Context) -> Purifier:
    """The purifier of a part, with a gradient that is not zero where it rounds."""
    purifier = part.of_image(context)
    if isinstance(part, JPEG | BitDepth):
        return backward.straight_through(purifier)
    if isinstance(part, Grayscale | GrayscaleOnce):
        bound = getattr(purifier, "keywords", {})
        return backward.surrogate(purifier, Partial(_grey, **bound))
    return purifier


def _grey(key: Array, x: Array, probability: Array) -> Array:
    """`purify.grayscale` before it rounds, on the same draw."""
    if x.shape[-1] != len(_GREY):
        return x
    grey = jnp.sum(x * jnp.array(_GREY)[None, None], axis=-1, keepdims=True)
    return jnp.where(jax.random.bernoulli(key, probability), grey, x)
