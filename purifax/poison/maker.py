"""From a maker of perturbations, for one image, to a poison of a set.

A maker is `maker(key, x, label) -> delta`, like x in [0, 1]. What it needs to know of
the whole set (patterns of classes, pixels to set, trained networks) is bound to it as a
`Partial` before. Its key comes from the position of the image in the set, so an image
is poisoned in the same way whichever others are.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax.classify import defend, each
from purifax.poison.budget import Budget
from purifax.poison.injection import Poison
from purifax.transform.batching import batched
from purifax.types import Classifier, Model, Purifier

__all__ = ["Maker", "choose_images", "craft", "one_sided", "through"]

Maker: TypeAlias = Callable[[Array, Array, Array], Array]
"""`maker(key, x, label) -> delta`, like x."""


@checks.checked()
def craft(
    key: Array,
    images: Array,
    labels: Array,
    index: Array,
    maker: Maker,
    threat: Budget | None,
    *,
    name: str,
    chunk: int | None = 256,
) -> Poison:
    """The poison that a maker gives for some images of a set.

    Args:
        images: uint8 [N, H, W, C], or float in [0, 1].
        labels: int [N].
        index: int [P], increasing positions of the images to poison.
        maker: a `Partial`, or a plain function.
        chunk: images perturbed at once.

    >>> from purifax.threat import Linf
    >>> brighter = lambda key, x, label: jnp.full(x.shape, 0.1)
    >>> args = jnp.zeros((4, 2, 2, 1)), jnp.arange(4), jnp.array([1, 3])
    >>> craft(jax.random.key(0), *args, brighter, Linf(0.1), name="bright").delta.shape
    (2, 2, 2, 1)
    """
    index = jnp.asarray(index, jnp.int32)
    some = jnp.asarray(images)[index]
    if some.dtype == jnp.uint8:
        some = some.astype(jnp.float32) / 255
    label = jnp.asarray(labels)[index]
    delta = batched(maker, chunk)(key, some, label, index=index)
    return Poison(index, delta.astype(jnp.float32), threat, name=name)


def choose_images(key: Array, among: Array, count: int) -> Array:
    """That many positions, drawn from some without repetition, increasing, [count].

    Args:
        among: int [M], such as the positions of one class.

    Raises:
        ValueError: more are wanted than there are.

    >>> choose_images(jax.random.key(0), jnp.array([7, 3, 5]), 3).tolist()
    [3, 5, 7]
    """
    if count > among.shape[0]:
        raise ValueError(f"Cannot draw {count} positions from {among.shape[0]}.")
    return jnp.sort(jax.random.choice(key, among, (count,), replace=False))


def one_sided(poison: Poison) -> Poison:
    """The poison without its negative entries, as released codes of EM store it.

    They clamp the noise to [0, 255] before adding it, so that images only get brighter.

    Source: Huang et al. 2021, arXiv 2101.04898, released code.

    >>> one_sided(Poison(jnp.array([0]), jnp.array([[-1.0, 1.0]]), None)).delta.tolist()
    [[0.0, 1.0]]
    """
    return replace(poison, delta=jnp.maximum(poison.delta, 0.0))


def through(
    classifiers: Sequence[Classifier], purifier: Purifier, draws: Array
) -> list[Model]:
    """Each network behind a purifier, its logits for every draw, [S, K].

    Args:
        purifier: `(key, x) -> x`; its gradient is the one that is used, so
            `backward.exact` of it is the strongest choice.
        draws: int [S], of its noise at every step.

    >>> model = through([lambda x: 2 * x], lambda key, x: x + 1, jnp.arange(3))[0]
    >>> model(jax.random.key(0), jnp.zeros(2)).tolist()
    [[2.0, 2.0], [2.0, 2.0], [2.0, 2.0]]
    """
    models = [Partial(defend, purifier=purifier, classifier=f) for f in classifiers]
    return [Partial(each, model=model, draws=draws) for model in models]
