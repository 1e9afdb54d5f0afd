"""Ways that recipes share: which images they poison, and from makers to poisons.

Each takes the `Context` of a recipe.
"""

from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.classify import undefended
from purifax.poison.budget import Budget
from purifax.poison.context import Context, Images
from purifax.poison.injection import Poison
from purifax.poison.maker import Maker, choose_images
from purifax.types import Classifier

__all__ = [
    "batch_order",
    "chosen",
    "crafted",
    "ensemble",
    "everywhere",
    "model_of",
    "of_class",
    "public",
    "rows",
    "surrogates",
    "unit",
]


def unit(images: Any) -> Any:
    """8-bit images as float32 in [0, 1].

    >>> unit(jnp.array([255, 0], jnp.uint8)).tolist()
    [1.0, 0.0]
    """
    return images.astype("float32") / 255


def rows(context: Context, index: Any) -> tuple[Any, Any]:
    """Some of the victim's images, float32 in [0, 1], and their labels."""
    few = context.images.take(jax.device_get(index))
    return unit(few.images), few.labels


def chosen(context: Context, among: Any, rate: float) -> Array:
    """Positions of a share of some images, at least one, drawn by the poison's key."""
    count = max(1, round(rate * len(among)))
    return choose_images(context.key("choice"), jnp.asarray(among), count)


def everywhere(context: Context, rate: float) -> Array:
    """Positions of a share of all images."""
    return chosen(context, jnp.arange(len(context.images)), rate)


def of_class(context: Context, target: int) -> Any:
    """Positions of all images of a class.

    Raises:
        ValueError: there are none.
    """
    labels = context.images.labels
    found = (labels == target).nonzero()[0]
    if not len(found):
        raise ValueError(
            f"target={target}, but no image of the victim is of it; there are "
            f"{sorted(set(labels.tolist()))}."
        )
    return found


def public(context: Context, name: str) -> Images:
    """The public clean images, which neither victim nor defender has.

    Raises:
        ValueError: there are none.
    """
    other = context.other
    if other is None or not len(other):
        raise ValueError(
            f"'{name}' learns from public images, of which there are none: set "
            "images.other."
        )
    return other


def crafted(
    context: Context, index: Array, maker: Maker, threat: Budget | None, name: str
) -> Poison:
    """The poison of a maker for some images, as `craft`, on all devices."""
    x, labels = rows(context, index)
    delta = context.over(maker, context.key("makers"), index, x, labels)
    return Poison(index, jnp.asarray(delta), threat, name=name)


def surrogates(context: Context, count: int = 1, white_box: bool = True) -> list[Any]:
    """Networks in the course of a training on the clean images, the last one last."""
    trainer = context.trainer(white_box)
    return trainer.fit(context.images, context.surrogate_seed, snapshots=count)


def ensemble(context: Context, count: int, white_box: bool = True) -> list[Any]:
    """Networks, each of a training of its own on the clean images."""
    trainer = context.trainer(white_box)
    seeds = [context.surrogate_seed + 31 * i for i in range(count)]
    return [trainer.fit(context.images, seed)[-1] for seed in seeds]


def model_of(network: Classifier) -> Partial:
    """A network as a model, which ignores its key."""
    return Partial(undefended, classifier=network)


def batch_order(context: Context, number: int, count: int, batch: int) -> list[int]:
    """Positions of a batch among `count` images; epochs follow one another.

    An epoch is drawn anew for each of its batches, so that any of them can be had.
    """
    size = min(batch, count)
    epoch, place = divmod(number, -(-count // size))
    order = context.rng(epoch).permutation(count).tolist()
    return [order[(place * size + i) % count] for i in range(size)]
