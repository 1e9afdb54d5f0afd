"""Defences that change the training set in the course of a training: by name.

`PARTS` lists them. A part is made by `(Ground, Trainer, number or None) -> Revise`. It
looks at the network as it is before a step and says which images to go on with.

EPIC drops images whose gradients are like no others'; friendly noise is the largest
that leaves the network's answer to an image as it is, and is added to it.

Source: Yang et al. 2022, arXiv 2210.10427 (EPIC), and its released code; Liu et al.
2022, arXiv 2208.10224 (friendly noise), and its released code.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning import augment_batches
from experiments.poisoning.augment_batches import Ground
from experiments.poisoning.victims import Change, Revise, Trainer
from purifax import data, nets
from purifax.evaluation.mapping import over

__all__ = ["PARTS", "Watched", "composed", "friendly", "isolated", "medoids"]


@dataclass
class Watched:
    """A revision that remembers what it has left.

    Attributes:
        left: the images that the training goes on with; all of them at first.
    """

    revise: Revise
    left: data.Images

    def __call__(
        self, done: int, network: nets.Network, images: data.Images, change: Change
    ) -> tuple[data.Images, Change]:
        """What the revision gives."""
        self.left, change = self.revise(done, network, images, change)
        return self.left, change


def composed(parts: Sequence[Revise]) -> Revise:
    """One revision after another."""

    def revise(
        done: int, network: nets.Network, images: data.Images, change: Change
    ) -> tuple[data.Images, Change]:
        for part in parts:
            images, change = part(done, network, images, change)
        return images, change

    return revise


def _epic(ground: Ground, trainer: Trainer, number: float | None) -> Revise:
    config, share = ground.config, 0.2 if number is None else number
    if not 0 < share <= 1:
        raise ValueError(f"epic:{share:g} is no share of medoids in (0, 1].")
    epoch = _epoch(ground, trainer)

    def revise(
        done: int, network: nets.Network, images: data.Images, change: Change
    ) -> tuple[data.Images, Change]:
        passed, within = divmod(done, epoch)
        late = passed - config.epic_from
        if within or late < 0 or late % config.epic_every:
            return images, change
        logits = trainer.logits(network, images.images)
        alone = isolated(logits, images.labels, share)
        kept = np.flatnonzero(~alone)
        return (images.take(kept), change) if alone.any() else (images, change)

    return revise


def isolated(logits: np.ndarray, labels: np.ndarray, share: float) -> np.ndarray:
    """Which images are alone in their cluster of gradients, bool [N].

    The gradient of the loss in the logits stands for that in all parameters; within
    each class a share of images are medoids, and every image belongs to the nearest.

    Args:
        logits: [N, K]; labels: [N].

    >>> logits = np.array([[9.0, 0.0], [9.0, 0.0], [0.0, 9.0], [9.0, 0.0]])
    >>> isolated(logits, np.array([0, 0, 0, 1]), 0.5).tolist()
    [False, False, True, True]
    """
    high = np.exp(logits - logits.max(axis=1, keepdims=True))
    slopes = high / high.sum(axis=1, keepdims=True) - np.eye(logits.shape[1])[labels]
    alone = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        distance = _distances(slopes[own])
        chosen = medoids(distance, max(1, round(share * len(own))))
        nearest = distance[:, chosen].argmin(axis=1)
        sizes = np.bincount(nearest, minlength=len(chosen))
        alone[own] = sizes[nearest] <= 1
    return alone


def _distances(rows: np.ndarray) -> np.ndarray:
    squares = np.square(rows).sum(axis=1)
    apart = squares[:, None] + squares[None, :] - 2 * rows @ rows.T
    return np.sqrt(np.maximum(apart, 0.0))


def medoids(distance: np.ndarray, count: int) -> np.ndarray:
    """Positions of medoids, found greedily: each lowers the sum of distances most.

    A gain only falls as others are chosen, so most need not be computed again.

    Args:
        distance: [N, N].

    >>> place = np.array([0.0, 0.1, 0.2, 0.3, 5.0])
    >>> medoids(np.abs(place[:, None] - place[None, :]), 2).tolist()
    [2, 4]
    """
    near = np.full(len(distance), 2 * distance.max() + 1.0)
    gains = np.maximum(near[None, :] - distance, 0.0).sum(axis=1)
    heap = [(-gain, i) for i, gain in enumerate(gains)]
    heapq.heapify(heap)
    found: list[int] = []
    while len(found) < count:
        _, i = heapq.heappop(heap)
        gain = np.maximum(near - distance[i], 0.0).sum()
        if heap and gain < -heap[0][0]:
            heapq.heappush(heap, (-gain, i))
            continue
        found.append(i)
        near = np.minimum(near, distance[i])
    return np.array(found)


def _friendly(law: str) -> Callable[..., Revise]:
    """Friendly noise once, and from then on random noise anew in every batch."""

    def made(ground: Ground, trainer: Trainer, number: float | None) -> Revise:
        config, weight = ground.config, 1.0 if number is None else number
        start = config.friendly_from * _epoch(ground, trainer)
        random = augment_batches.PARTS[law](ground, 8 / 255)

        def revise(
            done: int, network: nets.Network, images: data.Images, change: Change
        ) -> tuple[data.Images, Change]:
            if done != start:
                return images, change
            maker = Partial(
                friendly,
                network=network,
                radius=jnp.float32(config.friendly_radius),
                step_sizes=jnp.full(config.friendly_steps, 100 / 128),
                weight=jnp.float32(weight),
            )
            x, index = images.images / np.float32(255), np.arange(len(images))
            key = jax.random.fold_in(jax.random.key(ground.seed), 30)
            noise = over(maker, trainer.mesh, config.chunk, key, index, x)
            level = np.rint(255 * np.clip(x + noise, 0.0, 1.0)).astype(np.uint8)
            return replace(images, images=level), augment_batches.composed(
                [change, random]
            )

        return revise

    return made


def friendly(
    key: Array,
    x: Array,
    network: nets.Network,
    radius: Array,
    step_sizes: Array,
    weight: Array,
) -> Array:
    """Noise as large as it can be while the answer stays, like x.

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


def _epoch(ground: Ground, trainer: Trainer) -> int:
    """Steps of an epoch of the set as it is at first."""
    return -(-len(ground.images) // trainer.victim.batch)


PARTS: dict[str, Callable[[Ground, Trainer, float | None], Revise]] = {
    "epic": _epic,
    "friendly": _friendly("bernoulli_noise"),
    "friendly_gaussian": _friendly("gaussian_noise"),
}
"""By name, with the meaning of the number that may follow it: the share of medoids; the
weight of the noise's size."""
