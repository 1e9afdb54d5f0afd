"""Bullseye Polytope: poisons whose features have their mean at those of a target.

    mean_m  |mean_j phi_m(x_j) - phi_m(t)| / |phi_m(t)|

over the networks m of an ensemble. A linear layer trained on the features of the
poisons x_j then gives the target t their label.

An extractor is `(key, x) -> features`: one vector, before the last layer, when that
layer alone will be trained; a sequence of arrays, one for each block and with channels
last, when all of the network will be. Lengths are along the last axis, and averaged
over positions and blocks. A network with dropout is random, and draws of it are
averaged (the net repeat of the paper).

Source: Aghakhani et al. 2021, arXiv 2005.00191, and its released code: Adam, steps of
0.04 in units of a standard deviation of the data (some 0.008 on CIFAR-10), 800 of them
(linear) or 1,500 (end to end), with perturbations of at most 0.1 in every pixel.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import recipe
from purifax.poison.building import of_class, rows, unit
from purifax.poison.context import Context
from purifax.poison.descent import descend
from purifax.poison.fields import Targeted
from purifax.poison.injection import Poison
from purifax.recipe import typed

__all__ = [
    "Bullseye",
    "Extractor",
    "bullseye_distance",
    "paired",
    "target_features",
]

Extractor: TypeAlias = Callable[[Array, Array], Any]
"""`extractor(key, x) -> features`, an array or a sequence of arrays."""

_TINY = 1e-24


def target_features(
    key: Array, x: Array, extractors: Sequence[Extractor]
) -> tuple[Any, ...]:
    """The features of the target under every network, once and for all.

    >>> double, key = (lambda key, x: 2 * x), jax.random.key(0)
    >>> target_features(key, jnp.ones(2), [double])[0].tolist()
    [2.0, 2.0]
    """
    draws = enumerate(extractors)
    return tuple(fn(jax.random.fold_in(key, i), x) for i, fn in draws)


def bullseye_distance(
    key: Array,
    images: Array,
    aims: Sequence[Any],
    extractors: Sequence[Extractor],
    draws: Array,
) -> Array:
    """How far the mean of the poisons' features is from those of the target, [].

    An objective for `descend` once all but key and images are bound by name.

    Args:
        images: the poisoned ones, float [P, H, W, C] in [0, 1]; published are 5 to 50
            of the class that the target is to get.
        aims: from `target_features`, for the same extractors.
        draws: int [R], folded into the keys of the extractors: `jnp.arange(1)`, or 3
            or 5 draws of networks with dropout.

    Returns:
        Scalar, 1 for features of mean zero. Positions without any feature of the target
        are left out; the released code divides by zero there.

    >>> args = [jnp.array([3.0, 4.0])], [lambda key, x: x], jnp.arange(1)
    >>> images = jnp.array([[3.0, 0.0], [3.0, 2.0]])
    >>> round(float(bullseye_distance(jax.random.key(0), images, *args)), 4)
    0.6
    """
    losses = []
    for means, aim in paired(key, images, aims, extractors, draws):
        pairs = zip(jax.tree.leaves(means), jax.tree.leaves(aim), strict=True)
        blocks = [_apart(jnp.mean(mean, axis=0), a) for mean, a in pairs]
        losses.append(jnp.mean(jnp.stack(blocks)))
    return jnp.mean(jnp.stack(losses))


def paired(
    key: Array,
    images: Array,
    aims: Sequence[Any],
    extractors: Sequence[Extractor],
    draws: Array,
) -> list[tuple[Any, Any]]:
    """For each network, features of the images, [P, ...], and of the target.

    >>> double, key = (lambda key, x: 2 * x), jax.random.key(0)
    >>> args = jnp.ones((3, 1)), [jnp.zeros(1)], [double], jnp.arange(1)
    >>> paired(key, *args)[0][0].shape
    (3, 1)
    """

    def features(fn: Extractor, k: Array) -> Any:
        def one(i: Array, x: Array) -> Any:
            k_image = jax.random.fold_in(k, i)
            drawn = jax.vmap(lambda d: fn(jax.random.fold_in(k_image, d), x))(draws)
            return jax.tree.map(lambda a: jnp.mean(a, axis=0), drawn)

        return jax.vmap(one)(jnp.arange(images.shape[0]), images)

    keys = [jax.random.fold_in(key, m) for m in range(len(extractors))]
    pairs = zip(extractors, keys, aims, strict=True)
    return [(features(fn, k), aim) for fn, k, aim in pairs]


def _apart(mean: Array, aim: Array) -> Array:
    """Lengths of the difference along the last axis, relative, their mean, []."""
    size = jnp.sum(jnp.square(aim), axis=-1)
    there = size > 0
    square = jnp.sum(jnp.square(mean - aim), axis=-1) / jnp.where(there, size, 1.0)
    total = jnp.sum(jnp.where(there, jnp.sqrt(square + _TINY), 0.0))
    return total / jnp.maximum(jnp.sum(there.astype(aim.dtype)), 1.0)


@dataclass(frozen=True)
@typed
class Bullseye(Targeted):
    """Images whose mean feature is that of a test image (Bullseye Polytope).

    Features are those of the last layer where a victim trains that alone, and those of
    all parts of the network elsewhere.

    Source: Aghakhani et al. 2021, arXiv 2005.00191.

    Attributes:
        bases: images of the target class that are poisoned, the first of them.
        steps: steps of Adam.
        step_size: size of a step, in [0, 1] pixel units.
    """

    name: ClassVar[str] = "bullseye"

    bases: int = 5
    steps: int = 800
    step_size: float = 0.008

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "bases", 1)
        recipe.at_least(self, "steps", 1)
        recipe.above(self, "step_size", 0)

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        aim, own = self.aim(context), of_class(context, self.target)
        if self.bases > len(own):
            raise ValueError(
                f"bases={self.bases}; {len(own)} images are of class {self.target}."
            )
        index = jnp.asarray(own[: self.bases])
        verb = context.features if context.last_layer else context.blocks
        extractors = tuple(verb(one) for one in self.networks(context))
        args = context.key("aims"), unit(aim.image), extractors
        sought = context.compiled(target_features)(*args)
        objective = self._objective(sought, extractors)
        x, sizes = jnp.asarray(rows(context, index)[0]), self.step_sizes
        args = context.key("polytope"), x, objective, self.threat, sizes
        delta, _ = context.compiled(descend)(*args)
        return Poison(index, delta, self.threat, name=self.name)

    @property
    def step_sizes(self) -> Array:
        """Sizes of the steps, [T]."""
        return jnp.full(self.steps, self.step_size)

    def calls(self) -> int:
        """Gradients of a network for one image."""
        return self.steps * self.ensemble

    def _objective(self, aims: Any, extractors: Sequence[Extractor]) -> Partial:
        bound = {"aims": aims, "extractors": extractors, "draws": jnp.arange(1)}
        return Partial(bullseye_distance, **bound)
