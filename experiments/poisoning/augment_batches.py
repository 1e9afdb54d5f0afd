"""Defences while a classifier is trained: changes of its batches, by name.

`PARTS` lists them. A part is made by `(Ground, number or None) -> Change`, where the
ground is what a defence may look at: the images it is given, never the clean ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import optax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning.config import PoisonGrid
from experiments.poisoning.victims import Change, bare
from purifax import attack, data, nets, purify
from purifax.data.augment import cutout
from purifax.data.mixing import cutmix, mixup
from purifax.data.plasma import ueraser
from purifax.data.trivial import trivial_augment
from purifax.threat import Linf
from purifax.types import Purifier

__all__ = [
    "IMAGES",
    "PARTS",
    "Ground",
    "attacked",
    "composed",
    "linear_weights",
    "of_image",
]


@dataclass(frozen=True)
class Ground:
    """What a defence at training time is made from.

    Attributes:
        images: the set that is trained on, purified if it was.
    """

    config: PoisonGrid
    images: data.Images
    seed: int


def composed(changes: Sequence[Change]) -> Change:
    """One change after another, each with a key of its own."""
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


def _each(
    key: Array, network: nets.Network, x: Array, targets: Array, fn: Callable
) -> tuple[Array, Array]:
    """A function of one image, on each."""
    del network
    return jax.vmap(fn)(jax.random.split(key, len(x)), x), targets


def _mixed(
    key: Array, network: nets.Network, x: Array, targets: Array, fn: Callable
) -> tuple[Array, Array]:
    """A function of a batch."""
    del network
    return fn(key, x, targets)


def attacked(radius: float, step_sizes: Array) -> Change:
    """Adversarial training: Linf steps from random starts within the radius."""
    return Partial(_attacked, radius=jnp.float32(radius), step_sizes=step_sizes)


def _attacked(
    key: Array,
    network: nets.Network,
    x: Array,
    targets: Array,
    radius: Array,
    step_sizes: Array,
) -> tuple[Array, Array]:
    """PGD against the network as it is, in inference mode, from random starts."""

    def one(key: Array, x: Array, label: Array) -> Array:
        model = Partial(bare, network=network)
        start = Partial(attack.at_random)
        return attack.pgd(key, x, label, model, Linf(radius), step_sizes, start=start)

    keys = jax.random.split(key, len(x))
    return jax.vmap(one)(keys, x, jnp.argmax(targets, axis=-1)), targets


def _adversarial(ground: Ground, number: float | None) -> Change:
    """Madry's training; steps of 2.5 radii divided by their number."""
    config = ground.config
    radius = config.adversarial_radius if number is None else number / 255
    steps = config.adversarial_steps
    sizes = jnp.full(steps, 2.5 * radius / steps)
    return attacked(radius, sizes)


def _orthogonal(ground: Ground, number: float | None) -> Change:
    steps = ground.config.projection_steps if number is None else int(number)
    basis = purify.orthonormal(linear_weights(ground.images, steps, ground.seed))
    return Partial(_each, fn=Partial(purify.orthogonal, basis=basis))


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


def of_image(name: str, number: float | None) -> Purifier:
    """What the part of that name does to one image; it is one of `IMAGES`."""
    verb, field, published = IMAGES[name]
    value: Any = published if number is None else number
    return Partial(verb, **{field: jnp.asarray(value)})


def _of_images(name: str) -> Callable[..., Change]:
    def made(ground: Ground, number: float | None) -> Change:
        del ground
        return Partial(_each, fn=of_image(name, number))

    return made


def _of_batch(verb: Callable) -> Callable[..., Change]:
    def made(ground: Ground, number: float | None) -> Change:
        del ground
        alpha = 1.0 if number is None else number
        return Partial(_mixed, fn=Partial(verb, alpha=jnp.float32(alpha)))

    return made


def _erased(ground: Ground, number: float | None) -> Change:
    del ground, number
    return Partial(_each, fn=Partial(ueraser))


def _trivial(ground: Ground, number: float | None) -> Change:
    del ground, number
    return Partial(_each, fn=Partial(trivial_augment))


def _erased_worst(ground: Ground, number: float | None) -> Change:
    """UEraser-Max: of several draws the one with the highest loss."""
    del ground
    return Partial(_worst, draws=jnp.arange(5 if number is None else int(number)))


def _worst(
    key: Array, network: nets.Network, x: Array, targets: Array, draws: Array
) -> tuple[Array, Array]:
    def one(key: Array, x: Array, target: Array) -> Array:
        keys = jax.vmap(lambda draw: jax.random.fold_in(key, draw))(draws)
        tried = jax.vmap(ueraser, (0, None))(keys, x)
        logits = jax.vmap(network)(tried)
        losses = optax.softmax_cross_entropy(logits, target[None])
        return tried[jnp.argmax(losses)]

    return jax.vmap(one)(jax.random.split(key, len(x)), x, targets), targets


def _signs(key: Array, x: Array, size: Array) -> Array:
    return jnp.clip(x + size * jax.random.rademacher(key, x.shape, x.dtype), 0.0, 1.0)


IMAGES: dict[str, tuple[Callable, str, float]] = {
    "grayscale": (purify.grayscale, "probability", 1.0),
    "gaussian_noise": (purify.noised, "sigma", 0.05),
    "cutout": (cutout, "size", 16),
    "bernoulli_noise": (_signs, "size", 8 / 255),
}
"""Parts that change each image by itself: the function, and its number as published."""

PARTS: dict[str, Callable[[Ground, float | None], Change]] = {
    **{name: _of_images(name) for name in IMAGES},
    "mixup": _of_batch(mixup),
    "cutmix": _of_batch(cutmix),
    "ueraser": _erased,
    "ueraser_max": _erased_worst,
    "trivial_augment": _trivial,
    "adversarial": _adversarial,
    "orthogonal": _orthogonal,
}
"""By name, with the meaning of the number that may follow it: the probability of grey,
sigma, the side, the size of the noise; alpha, alpha; none for UEraser, its draws for
the worst of them, none for TrivialAugment; the radius in 255ths; the steps."""
