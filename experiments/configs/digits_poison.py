"""A poisoned set of scikit-learn's digits (8x8): LSP at L2 1.6 on all of 860 images.

    python -m experiments.poison --config=digits_poison

`--config.poison` takes any other poison, with numbers for images this small: behind
"narcissus:3" stands the class that it is for, behind "bullseye:3" the number of the
test image. Seconds on one CPU core; up to two minutes for those that train networks.
"""

from experiments.configs import digits_poison_grid
from experiments.poisoning.config import (
    Poisoning,
)

__all__ = ["DigitsPoisoning", "config"]


class DigitsPoisoning(Poisoning):
    """A poisoning whose poison has numbers for digits where it is named."""

    default_poison = staticmethod(digits_poison_grid.recipes)


def config() -> Poisoning:
    """The config; see the module's docstring."""
    grid = digits_poison_grid.config()
    return DigitsPoisoning(
        images=grid.images,
        victim=grid.victim,
        poison=digits_poison_grid.recipes()["lsp"],
        chunk=grid.chunk,
    )
