"""What the recipes of `purifax.poison` are built with: images, keys and a trainer.

`Context` is a `purifax.poison.Context` whose networks are the victim's classifiers.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import numpy as np
import optax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning import features
from experiments.poisoning.contrastive import Contrastive
from experiments.poisoning.defences import stage
from experiments.poisoning.defences.adversarial import attacked
from experiments.poisoning.generators import Generators
from experiments.poisoning.victims import Change, Trainer
from experiments.poisoning.view import view
from experiments.training import networks
from experiments.training.config import ScoreNet
from purifax import data, nets
from purifax.data import foreign_poisons
from purifax.evaluation.batches import Batches
from purifax.evaluation.mapping import over
from purifax.poison import Budget, Poison
from purifax.purify.distance import ssim
from purifax.types import Purifier

__all__ = ["Context"]

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
"""Roles of the built-in recipes, whose keys are numbered; others go by their words."""


@dataclass(frozen=True)
class Context:
    """What a poison is made from; see `purifax.poison.Context`.

    Attributes:
        victim: its trainer; surrogates are of its kind.
        defences: recipes of defences by the names under which they may be expected.
        generators: the networks of purifiers; None outside of a grid.
    """

    images: data.Images
    victim: Trainer
    seed: int
    chunk: int
    other: data.Images | None = None
    test: data.Images | None = None
    defences: Mapping[str, Any] = field(default_factory=dict)
    generators: Generators | None = None

    similarity = staticmethod(ssim)
    compiled = staticmethod(jax.jit)

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.images.names)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one image."""
        return self.images.images.shape[1:]

    @property
    def last_layer(self) -> bool:
        """Whether the victim trains a new last layer alone."""
        return self.victim.victim.transfer.how == "linear"

    @property
    def surrogate_seed(self) -> int:
        """The seed of surrogates; the attacker does not know the victim's."""
        return self.seed + _SURROGATE

    def key(self, role: str) -> Array:
        """The key of what a poison draws in one role; training has its own keys."""
        known = role in _ROLES
        number = _ROLES.index(role) if known else zlib.crc32(role.encode())
        key = jax.random.fold_in(jax.random.key(self.seed), 10 if known else 11)
        return jax.random.fold_in(key, 1 + number if known else number)

    def rng(self, *numbers: int) -> np.random.Generator:
        """A NumPy generator seeded by the seed and more numbers."""
        return np.random.default_rng([self.seed, *numbers] if numbers else self.seed)

    def over(
        self, fn: Any, key: Array, index: Any, *rows: Any, chunk: int | None = None
    ) -> np.ndarray:
        """`fn(key_i, *row_i)` of all rows, on the victim's devices."""
        size = self.chunk if chunk is None else chunk
        arrays = [np.asarray(row) for row in (index, *rows)]
        return over(fn, self.victim.mesh, size, key, *arrays)

    def joined(self, one: data.Images, other: data.Images) -> data.Images:
        """Both sets as one."""
        pixels, labels = (
            np.concatenate([getattr(one, name), getattr(other, name)])
            for name in ("images", "labels")
        )
        index = np.arange(len(labels))
        return data.Images(pixels, labels, index, other.names, other.source)

    def batches(self, images: data.Images, size: int) -> Callable[[int], tuple]:
        """`batches(step)`, in the order that the seed gives."""
        return Batches(images, size, self.seed)

    def trainer(self, white_box: bool = True) -> Trainer:
        """The trainer of surrogates, from the victim's network if that is known."""
        if self.victim.source is None or white_box:
            return self.victim
        return self._from_scratch

    @cached_property
    def _from_scratch(self) -> Trainer:
        return Trainer(self.victim.victim, self.shape, self.images.names)

    def adversarial_training(self, radius: float, step_sizes: Array) -> Change:
        """What adversarial training makes of a batch."""
        return attacked(radius, step_sizes)

    def features(self, network: nets.Network) -> Partial:
        """What goes into the last layer."""
        return Partial(features.features, network=network)

    def blocks(self, network: nets.Network) -> Partial:
        """What the parts of a network give."""
        return Partial(features.blocks, network=network)

    def learning(self, network: nets.Network) -> tuple[Any, Partial]:
        """Its parameters, and the loss of an image as their function."""
        fn = Partial(features.learning, network=network)
        return network.variables["params"], fn

    def outputs(self, network: nets.Network) -> tuple[Any, Partial]:
        """Its parameters, and the outputs of an image as their function."""
        fn = Partial(features.outputs, network=network)
        return network.variables["params"], fn

    def contrastive(self, width: int, steps: int) -> Contrastive:
        """A network of the victim's kind that learns from views."""
        key = jax.random.fold_in(jax.random.key(self.surrogate_seed), 0)
        return Contrastive(key, self.victim.victim, self.shape, width, steps)

    def image_network(self, name: str, **fields: Any) -> nets.Network:
        """A new network of images and noise levels."""
        module = networks.network(ScoreNet(name=name, **fields), self.shape[-1], 0)
        key = self.key("generator")
        variables = nets.init(key, module, jnp.zeros(self.shape), 1.0)
        return nets.Network(module, variables)

    def adam(self, learning_rate: float) -> "Adam":
        """An Adam optimiser."""
        return Adam(learning_rate)

    def view(self, against: str, whole: bool, exact: bool) -> Purifier:
        """What a victim with a defence shows its network of an image."""
        args = self.images, self.victim, self.seed, self.chunk, self.generators
        given = stage.Context(*args)
        return view(given, self.defences, against, whole=whole, exact=exact)

    def array(self, path: str, name: str) -> np.ndarray:
        """An array of an .npz file."""
        return foreign_poisons.read_array(path, name)

    def read(self, path: str, threat: Budget, *, units: str, **how: Any) -> Poison:
        """The poison that a file holds, of perturbations or of images."""
        given = {"images": self.images, "threat": threat, **how}
        if units == "images":
            return foreign_poisons.poisoned_images(path, **given)
        return foreign_poisons.deltas(path, units=units, **given)


class Adam:
    """Adam of optax, for any pytree of parameters."""

    def __init__(self, learning_rate: float) -> None:
        self._optimiser = optax.adam(learning_rate)

    def init(self, params: Any) -> Any:
        """The moments before the first step."""
        return self._optimiser.init(params)

    def step(self, params: Any, slope: Any, moments: Any) -> tuple[Any, Any]:
        """Parameters and moments after a step."""
        updates, moments = self._optimiser.update(slope, moments)
        return optax.apply_updates(params, updates), moments
