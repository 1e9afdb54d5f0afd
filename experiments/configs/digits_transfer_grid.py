"""Bullseye and Convex Polytope on scikit-learn's digits (8x8), by linear transfer.

    python -m experiments.evaluate_poison --config=digits_transfer_grid

A network learns 797 images of others; the victim trains a new last layer on 190 of its
own, 15 of them (of 19 ones) perturbed at Linf 0.3 by who knows that network, so that
three test images of an eight are answered as a one.

Measured, seed 0: two of three are, and one of three by Convex Polytope, with JPEG at
quality 50 or without; 91.7% and 93.9% of clean images are answered rightly.
"""

from dataclasses import replace

from experiments.configs import digits_poison, digits_poison_grid
from experiments.poisoning.config import (
    PoisonGrid,
    Shares,
    Transfer,
)
from experiments.training.config import (
    Optim,
)

__all__ = ["config"]


def config() -> PoisonGrid:
    """The config; see the module's docstring."""
    grid = digits_poison_grid.config()
    transfer = Transfer(how="linear", steps=200, optim=Optim(learning_rate=0.01))
    return replace(
        grid,
        images=Shares(name="digits", train=200, sparse=10, other=797),
        victim=replace(grid.victim, transfer=transfer),
        poisons=(
            *(f"bullseye:{number}" for number in range(3)),
            *(f"convex_polytope:{number}" for number in range(3)),
        ),
        defences=("none", "jpeg:50"),
        seeds=(0,),
        crafting=replace(digits_poison.crafting(), bases=15, target=1, target_class=8),
    )
