"""EPIC: drop images whose gradients are isolated.

Source: Yang et al. 2022, arXiv 2210.10427, and its released code.
"""

import heapq
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from experiments.poisoning.defences.stage import Context
from experiments.poisoning.victims import Change, Revise
from purifax import data, nets, recipe
from purifax.recipe import typed

__all__ = ["EPIC", "isolated", "medoids"]


@dataclass(frozen=True)
@typed
class EPIC:
    """Drop images that are alone in their cluster of gradients (EPIC).

    Source: Yang et al. 2022, arXiv 2210.10427.

    Attributes:
        share: of the images of a class that are medoids, in (0, 1].
        first: epoch before which images are first dropped.
        every: epochs from one dropping to the next.
    """

    stage: ClassVar[str] = "training"
    number: ClassVar[str] = "share"

    share: float = 0.2
    first: int = 10
    every: int = 10

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(
                f"EPIC.share={self.share:g} is no share of medoids in (0, 1]."
            )
        recipe.at_least(self, "first", 0)
        recipe.at_least(self, "every", 1)

    def build(self, context: Context) -> Revise:
        """What is done to the set before every step."""
        trainer = context.trainer
        epoch = -(-len(context.images) // trainer.batch)

        def revise(
            done: int, network: nets.Network, images: data.Images, change: Change
        ) -> tuple[data.Images, Change]:
            passed, within = divmod(done, epoch)
            late = passed - self.first
            if within or late < 0 or late % self.every:
                return images, change
            logits = trainer.logits(network, images.images)
            alone = isolated(logits, images.labels, self.share)
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
