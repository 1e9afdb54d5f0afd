"""A poisoned set of scikit-learn's digits (8x8): LSP at L2 1.6 on all of 860 images.

    python -m experiments.poison --config=digits_poison

`--config.method` takes any name of `experiments.poisoning.registry.METHODS`; behind
"narcissus:3" stands the class that it is for, behind "bullseye:3" the number of the
test image. Seconds on one CPU core; up to two minutes for those that train networks.
"""

from dataclasses import replace

from experiments.configs import digits_poison_grid
from experiments.poisoning.config import (
    Crafting,
    Poisoning,
)

__all__ = ["config", "crafting"]


def crafting() -> Crafting:
    """Numbers of all poisons, for images and networks this small."""
    return replace(
        digits_poison_grid.config().crafting,
        adversary_radius=0.15,
        adversary_steps=5,
        rem_rounds=150,
        rem_steps=5,
        rem_draws=1,
        tue_rounds=150,
        tue_steps=5,
        tue_width=32,
        confuse_rounds=5,
        confuse_updates=40,
        ntga_block=256,
        dune_checkpoints=1,
        narcissus_passes=100,
        narcissus_size=0.02,
        trigger_times=1.0,
        matching_steps=100,
        matching_size=0.05,
        bullseye_steps=200,
        bullseye_size=0.02,
    )


def config() -> Poisoning:
    """The config; see the module's docstring."""
    grid = digits_poison_grid.config()
    return Poisoning(
        images=grid.images,
        method="lsp",
        victim=grid.victim,
        crafting=crafting(),
        chunk=grid.chunk,
    )
