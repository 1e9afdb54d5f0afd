"""Adversarial training."""

from dataclasses import dataclass
from typing import ClassVar

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning.defences.stage import Context
from experiments.poisoning.victims import Change
from purifax import attack, nets, recipe
from purifax.classify import undefended
from purifax.recipe import typed
from purifax.threat import Linf

__all__ = ["Adversarial", "attacked"]


@dataclass(frozen=True)
@typed
class Adversarial:
    """Adversarial training: every batch is attacked before it is trained on.

    Source: Madry et al. 2018, arXiv 1706.06083.

    Attributes:
        levels: radius of the attack, Linf, in 255ths.
        steps: its gradient steps, each of 2.5 radii divided by their number.
    """

    stage: ClassVar[str] = "batch"
    number: ClassVar[str] = "levels"

    levels: float = 4.0
    steps: int = 10

    def __post_init__(self) -> None:
        recipe.within(self, "levels", 0, 255)
        recipe.at_least(self, "steps", 1)

    def build(self, context: Context) -> Change:
        """The change of a batch."""
        del context
        radius = self.levels / 255
        return attacked(radius, jnp.full(self.steps, 2.5 * radius / self.steps))


def attacked(radius: float, step_sizes: Array) -> Change:
    """Linf steps within the radius, from random starts, against the network as is."""
    return Partial(_attacked, radius=jnp.float32(radius), step_sizes=step_sizes)


def _attacked(
    key: Array,
    network: nets.Network,
    x: Array,
    targets: Array,
    radius: Array,
    step_sizes: Array,
) -> tuple[Array, Array]:
    def one(key: Array, x: Array, label: Array) -> Array:
        model = Partial(undefended, classifier=network)
        start = Partial(attack.at_random)
        return attack.pgd(key, x, label, model, Linf(radius), step_sizes, start=start)

    keys = jax.random.split(key, len(x))
    return jax.vmap(one)(keys, x, jnp.argmax(targets, axis=-1)), targets
