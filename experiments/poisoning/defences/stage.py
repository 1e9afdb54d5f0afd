"""Where a defence of a training set acts, and what its recipe is built from.

A recipe of a defence has `build(context)` and a `stage`, which says what that gives:

    "set"        (key, images uint8 [N, H, W, C]) -> images, once, before any training
    "batch"      a `victims.Change`, of every batch that is trained on
    "training"   a `victims.Revise`, which looks at the network before every step

One that treats images one by one also has `of_image(context) -> purifier`; then
`OneByOne` and `InBatches` build the rest. Where `number` names a field, a number may
follow the recipe's name: "jpeg:75".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import numpy as np
from jax import Array
from jax.tree_util import Partial

from experiments.poisoning.generators import Generators
from experiments.poisoning.victims import Change, Trainer
from purifax import data, nets
from purifax.evaluation.mapping import over
from purifax.purify import Prior
from purifax.types import Purifier

__all__ = [
    "Context",
    "InBatches",
    "OneByOne",
    "Purify",
    "composed",
    "each",
    "stage_of",
    "together",
]

Purify = Callable[[Array, np.ndarray], np.ndarray]
"""`purify(key, images) -> images`, uint8 [N, H, W, C], in their order."""


@dataclass(frozen=True)
class Context:
    """What a defence may look at.

    Attributes:
        images: the set as it is found, never the clean one; for stages after "set", as
            it is once purified.
        trainer: of the classifier that is trained.
        chunk: images that are worked on at once.
        generators: the networks of purifiers, trained when they are first asked for;
            None outside of a grid.
    """

    images: data.Images
    trainer: Trainer
    seed: int
    chunk: int
    generators: Generators | None = None

    def each(self, purifier: Purifier, *, floor: bool = False) -> Purify:
        """A purifier of one image, over a set; clipped, so that no level wraps around.

        Args:
            floor: cut down to 8 bits instead of rounding.
        """

        def purify(key: Array, images: np.ndarray) -> np.ndarray:
            x, index = images / np.float32(255), np.arange(len(images))
            pure = over(purifier, self.trainer.mesh, self.chunk, key, index, x)
            level = 255 * np.clip(pure, 0.0, 1.0)
            # A thousandth of a level, so that whole levels survive float32.
            cut = np.floor(level + 1e-3) if floor else np.rint(level)
            return cut.astype(np.uint8)

        return purify

    def prior(self, role: str) -> Prior:
        """The network of a purifier: "sparse", "avatar", "energy" or "ddpm".

        Raises:
            ValueError: there are none.
        """
        if self.generators is None:
            raise ValueError(
                f"the network {role!r} of a purifier needs the networks of a grid; run "
                "experiments.evaluate_poison."
            )
        return self.generators.prior(role, self.images.images)


class OneByOne:
    """A defence that changes every image of the set by itself, once."""

    stage: ClassVar[str] = "set"

    def of_image(self, context: Context) -> Purifier:
        """What it does to one image."""
        raise NotImplementedError

    def build(self, context: Context) -> Purify:
        """The change of a set."""
        return context.each(self.of_image(context))


class InBatches:
    """A defence that changes every image of a batch by itself, anew each time."""

    stage: ClassVar[str] = "batch"

    def of_image(self, context: Context) -> Purifier:
        """What it does to one image."""
        raise NotImplementedError

    def build(self, context: Context) -> Change:
        """The change of a batch."""
        return Partial(each, fn=self.of_image(context))


def stage_of(recipe: Any) -> str:
    """Where a defence acts: "set" where its recipe does not say."""
    return getattr(recipe, "stage", "set")


def each(
    key: Array, network: nets.Network, x: Array, targets: Array, fn: Callable
) -> tuple[Array, Array]:
    """A function of one image, on each of a batch."""
    del network
    return jax.vmap(fn)(jax.random.split(key, len(x)), x), targets


def together(
    key: Array, network: nets.Network, x: Array, targets: Array, fn: Callable
) -> tuple[Array, Array]:
    """A function of a batch and its targets."""
    del network
    return fn(key, x, targets)


def composed(changes: Sequence[Change]) -> Change:
    """One change of a batch after another, each with a key of its own."""
    return Partial(_composed, changes=tuple(changes))


def _composed(
    key: Array,
    network: nets.Network,
    x: Array,
    targets: Array,
    changes: Sequence[Change],
) -> tuple[Array, Array]:
    for i, change in enumerate(changes):
        x, targets = change(jax.random.fold_in(key, i), network, x, targets)
    return x, targets
