"""A poisoned set of scikit-learn's digits (8x8): LSP at L2 1.6 on all of 860 images.

    python -m experiments.poison --config=digits_poison

`--config.method` takes any name of `experiments.lib.crafting.METHODS`. Seconds on one
CPU core; a minute for those that train a surrogate.
"""

from experiments.configs import digits_poison_grid
from experiments.lib.config import Poisoning

__all__ = ["config"]


def config() -> Poisoning:
    """The config; see the module's docstring."""
    grid = digits_poison_grid.config()
    return Poisoning(
        images=grid.images,
        method="lsp",
        victim=grid.victim,
        crafting=grid.crafting,
        chunk=grid.chunk,
    )
