"""Orthogonal projection: remove from batches what a linear classifier uses."""

from dataclasses import dataclass
from typing import ClassVar

import jax
import numpy as np
import optax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning.defences.stage import Context, each
from experiments.poisoning.victims import Change
from purifax import data, purify, recipe
from purifax.purify import project
from purifax.recipe import typed

__all__ = ["Orthogonal", "linear_weights"]


@dataclass(frozen=True)
@typed
class Orthogonal:
    """Project images off the weights of a linear classifier of the whole set.

    Source: Sandoval-Segura et al. 2023, arXiv 2305.19254.

    Attributes:
        steps: of the training of the linear classifier.
    """

    stage: ClassVar[str] = "batch"
    number: ClassVar[str] = "steps"

    steps: int = 1000

    def __post_init__(self) -> None:
        recipe.at_least(self, "steps", 0)

    def build(self, context: Context) -> Change:
        """The change of a batch."""
        weights = linear_weights(context.images, self.steps, context.seed)
        basis = project.orthonormal(weights)
        return Partial(each, fn=Partial(purify.orthogonal, basis=basis))


def linear_weights(images: data.Images, steps: int, seed: int) -> Array:
    """A linear softmax classifier of raw pixels, [K, H, W, C], without a bias.

    SGD at 0.1 in batches of 1,024 or all images, a tenth of it after one half and again
    after three quarters of the steps, as published.
    """
    shape, classes = images.images.shape[1:], len(images.names)
    drops = {steps // 2: 0.1, 3 * steps // 4: 0.1}
    rate = optax.piecewise_constant_schedule(0.1, drops)
    x, labels = images.images.reshape(len(images), -1) / np.float32(255), images.labels
    weights, size = jnp.zeros((classes, x.shape[1])), min(1024, len(x))
    rng = np.random.default_rng(seed)
    for step in range(steps):
        chosen = rng.choice(len(x), size, replace=False)
        weights = _descended(weights, x[chosen], labels[chosen], rate(step))
    return weights.reshape(classes, *shape)


@jax.jit
def _descended(weights: Array, x: Array, labels: Array, rate: Array) -> Array:
    def loss(weights: Array) -> Array:
        logits = x @ weights.T
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return jnp.mean(losses)

    return weights - rate * jax.grad(loss)(weights)
