"""What a poison is made from, and the ways that many of them share.

A method of `experiments.poisoning.registry` is `(name, Setting) -> Poison`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning.config_crafting import Crafting
from experiments.poisoning.purify_set import Basin
from experiments.poisoning.victims import Trainer, bare
from purifax import data, nets, poison
from purifax.evaluation.mapping import over
from purifax.poison import Poison
from purifax.threat import Linf

__all__ = [
    "Method",
    "Setting",
    "against",
    "by_maker",
    "chosen",
    "everywhere",
    "of_target",
    "public",
    "put",
    "refuse",
    "rows",
    "unit",
]

_SURROGATE = 7919

_ROLES = (
    "choice",
    "makers",
    "narcissus",
    "matching",
    "polytope",
    "rem",
    "tue",
    "generator",
    "confusing",
    "patterns",
    "colours",
    "aims",
    "means",
    "tests",
    "minimising",
)
"""What a poison draws for, each with a key of its own; new ones come last."""


@dataclass(frozen=True)
class Setting:
    """What a poison is made from: the victim's images, numbers, and how to train.

    Attributes:
        trainer: the victim's; surrogates are of its kind.
        chunk: images perturbed at once.
        other: clean images that are nobody's, in public.
        test: clean images, one of which may be a target.
        basin: what purifiers are made from, for poisons that are made against one.
    """

    images: data.Images
    crafting: Crafting
    trainer: Trainer
    seed: int
    chunk: int
    other: data.Images | None = None
    test: data.Images | None = None
    basin: Basin | None = None

    @property
    def classes(self) -> Array:
        """The numbers of the classes."""
        return jnp.arange(len(self.images.names))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image."""
        return self.images.images.shape[1:]

    def key(self, role: str) -> Array:
        """For what a poison draws in one of its roles; training has its own keys."""
        key = jax.random.fold_in(jax.random.key(self.seed), 10)
        return jax.random.fold_in(key, 1 + _ROLES.index(role))

    @property
    def ball(self) -> Linf:
        """The threat of the poisons that are made against a network."""
        return Linf(self.crafting.radius)

    @property
    def step_sizes(self) -> Array:
        """Of the attacks on a network."""
        given = self.crafting
        return jnp.full(given.steps, given.step_size * given.radius)

    @property
    def hidden_seed(self) -> int:
        """Of surrogates: not the victim's, which the attacker does not know."""
        return self.seed + _SURROGATE

    @cached_property
    def attacker(self) -> Trainer:
        """Of surrogates: from what the victim starts from, if that is known."""
        mine = self.trainer
        if mine.source is None or self.crafting.white_box:
            return mine
        return Trainer(mine.victim, self.shape, self.images.names)

    @cached_property
    def surrogates(self) -> list[nets.Network]:
        """Networks in the course of a training on the clean images, the last last."""
        count = self.crafting.checkpoints
        return self.attacker.fit(self.images, self.hidden_seed, snapshots=count)

    @cached_property
    def ensemble(self) -> list[nets.Network]:
        """As many networks as asked for, each of a training on the clean images."""
        seeds = [self.hidden_seed + 31 * i for i in range(self.crafting.ensemble)]
        return [self.attacker.fit(self.images, seed)[-1] for seed in seeds]


Method = Callable[[str, Setting], Poison]
"""`method(name, setting) -> Poison`; one may have several names."""


def refuse(wrong: bool, words: str) -> None:
    """Says what cannot be, in one line.

    Raises:
        ValueError: if it is wrong.
    """
    if wrong:
        raise ValueError(words)


def chosen(setting: Setting, among: np.ndarray, rate: float) -> Array:
    """Positions of a share of some images, at least one, drawn by the poison's key."""
    key = setting.key("choice")
    count = max(1, round(rate * len(among)))
    return poison.choose_images(key, jnp.asarray(among), count)


def everywhere(setting: Setting) -> Array:
    """Positions of the share of all images that is poisoned."""
    return chosen(setting, np.arange(len(setting.images)), setting.crafting.rate)


def of_target(setting: Setting) -> np.ndarray:
    """Positions of all images of the target class.

    Raises:
        ValueError: there are none.
    """
    target = setting.crafting.target
    found = np.flatnonzero(setting.images.labels == target)
    refuse(
        not len(found),
        f"crafting.target={target}, but no image of the victim is of it; there are "
        f"{np.unique(setting.images.labels).tolist()}.",
    )
    return found


def public(setting: Setting, method: str) -> data.Images:
    """The clean images that are nobody's.

    Raises:
        ValueError: there are none.
    """
    other = setting.other
    if other is None or not len(other):
        raise ValueError(
            f"'{method}' learns from public images, of which there are none: set "
            "images.other."
        )
    return other


def unit(images: np.ndarray) -> np.ndarray:
    """8-bit images as float32 in [0, 1]."""
    return images / np.float32(255)


def rows(setting: Setting, index: Array) -> tuple[np.ndarray, np.ndarray]:
    """Some of the victim's images, float32 in [0, 1], and their labels."""
    few = setting.images.take(np.asarray(index))
    return unit(few.images), few.labels


def against(setting: Setting) -> dict[str, Any]:
    """What the makers against the surrogate are bound to."""
    return {
        "model": Partial(bare, network=setting.surrogates[-1]),
        "threat": setting.ball,
        "step_sizes": setting.step_sizes,
    }


def by_maker(method: str, setting: Setting, maker: Callable, threat: Any) -> Poison:
    """The poison of a maker for the share of all images."""
    return put(method, setting, everywhere(setting), maker, threat)


def put(
    method: str, setting: Setting, index: Array, maker: Callable, threat: Any
) -> Poison:
    """The poison of a maker for some images; what `poison.craft` gives, on a mesh."""
    key, mesh = setting.key("makers"), setting.trainer.mesh
    args = key, np.asarray(index), *rows(setting, index)
    delta = over(maker, mesh, setting.chunk, *args)
    return Poison(index, jnp.asarray(delta), threat, name=method)
