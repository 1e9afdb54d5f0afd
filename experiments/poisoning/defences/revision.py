"""Revisions of a training set, one after another, and what they leave of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.poisoning.victims import Change, Revise
from purifax import data, nets

__all__ = ["Watched", "one_after_another"]


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


def one_after_another(parts: Sequence[Revise]) -> Revise:
    """Several revisions as one."""

    def revise(
        done: int, network: nets.Network, images: data.Images, change: Change
    ) -> tuple[data.Images, Change]:
        for part in parts:
            images, change = part(done, network, images, change)
        return images, change

    return revise
