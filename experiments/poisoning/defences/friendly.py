"""Friendly noise: the largest noise that leaves the network's answers unchanged.

It is added to the set once, in the course of the training, and random noise is added
to every batch from then on.

Source: Liu et al. 2022, arXiv 2208.10224, and its released code.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning.defences.images import BernoulliNoise, GaussianNoise
from experiments.poisoning.defences.stage import Context, composed
from experiments.poisoning.victims import Change, Revise
from purifax import data, nets, recipe
from purifax.evaluation.mapping import over
from purifax.recipe import typed

__all__ = ["Friendly", "FriendlyGaussian", "friendly_noise"]

_SIZE = 8 / 255
"""Of the random noise."""


@dataclass(frozen=True)
@typed
class Friendly:
    """Friendly noise on the set, and steps up or down on every pixel of batches.

    Source: Liu et al. 2022, arXiv 2208.10224.

    Attributes:
        weight: of the noise's size; 1 is published, PureGen's authors take 16.
        start: epoch before which the noise is made.
        steps: of its descent.
        radius: its largest change of any pixel, Linf, in [0, 1] pixel units.
    """

    stage: ClassVar[str] = "training"
    number: ClassVar[str] = "weight"

    weight: float = 1.0
    start: int = 5
    steps: int = 30
    radius: float = 16 / 255

    def __post_init__(self) -> None:
        recipe.at_least(self, "weight", 0)
        recipe.at_least(self, "start", 0)
        recipe.at_least(self, "steps", 1)
        recipe.above(self, "radius", 0)

    def build(self, context: Context) -> Revise:
        """What is done to the set before every step."""
        trainer = context.trainer
        start = self.start * -(-len(context.images) // trainer.batch)
        random = self._random(context)

        def revise(
            done: int, network: nets.Network, images: data.Images, change: Change
        ) -> tuple[data.Images, Change]:
            if done != start:
                return images, change
            maker = Partial(
                friendly_noise,
                network=network,
                radius=jnp.float32(self.radius),
                step_sizes=jnp.full(self.steps, 100 / 128),
                weight=jnp.float32(self.weight),
            )
            x, index = images.images / np.float32(255), np.arange(len(images))
            key = jax.random.fold_in(jax.random.key(context.seed), 30)
            noise = over(maker, trainer.mesh, context.chunk, key, index, x)
            level = np.rint(255 * np.clip(x + noise, 0.0, 1.0)).astype(np.uint8)
            return replace(images, images=level), composed([change, random])

        return revise

    def _random(self, context: Context) -> Change:
        return BernoulliNoise(_SIZE).build(context)


@dataclass(frozen=True)
@typed
class FriendlyGaussian(Friendly):
    """Friendly noise on the set, and Gaussian noise on batches.

    Source: Liu et al. 2022, arXiv 2208.10224.
    """

    def _random(self, context: Context) -> Change:
        return GaussianNoise(_SIZE).build(context)


def friendly_noise(
    key: Array,
    x: Array,
    network: nets.Network,
    radius: Array,
    step_sizes: Array,
    weight: Array,
) -> Array:
    """The largest noise that leaves the network's answer unchanged, like x.

        min_e  KL(f(x + e) from f(x))  -  weight mean e^2,    |e| <= radius

    by descent with Nesterov's momentum of 0.9 from even noise of half the radius.

    Args:
        step_sizes: [T]; published are 30 of 100 for the mean over 128 images, which is
            100 / 128 for one.
        weight: 1 is published; PureGen's authors take 16.
    """
    known = jax.nn.log_softmax(network(x))

    def loss(noise: Array) -> Array:
        said = jax.nn.log_softmax(network(jnp.clip(x + noise, 0.0, 1.0)))
        apart = jnp.sum(jnp.exp(known) * (known - said))
        return apart - weight * jnp.mean(jnp.square(noise))

    def step(state: tuple[Array, Array], size: Array) -> tuple[tuple, None]:
        noise, speed = state
        slope = jax.grad(loss)(noise)
        speed = 0.9 * speed + slope
        moved = noise - size * (slope + 0.9 * speed)
        return (jnp.clip(moved, -radius, radius), speed), None

    begun = radius / 2 * jax.random.uniform(key, x.shape, minval=-1.0)
    return jax.lax.scan(step, (begun + 0 * x, 0 * x), step_sizes)[0][0]
