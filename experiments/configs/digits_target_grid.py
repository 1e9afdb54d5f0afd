"""Poisons with a target on scikit-learn's digits (8x8): Narcissus, gradient matching.

    python -m experiments.evaluate_poison --config=digits_target_grid

Three classes have a trigger, three test images of an eight are to be answered as a one;
all images of the class are perturbed at Linf 0.3, and triggers tested at three times
their size, as published.

Measured undefended, seed 0: Narcissus' triggers turn 77% of other classes' images into
their class (94% for the worst), all three targets of gradient matching are answered as
wanted, and 94.7% and 92.5% of clean images rightly (95.6% after clean training). After
JPEG at quality 50 they turn 76%, and two of three; without the class's images none.
"""

from dataclasses import replace

from experiments.configs import digits_poison, digits_poison_grid
from experiments.poisoning.config import (
    PoisonGrid,
)

__all__ = ["config"]


def config() -> PoisonGrid:
    """The config; see the module's docstring."""
    return replace(
        digits_poison_grid.config(),
        poisons=(
            "narcissus:0",
            "narcissus:3",
            "narcissus:8",
            "gradient_matching:0",
            "gradient_matching:1",
            "gradient_matching:2",
        ),
        defences=("none", "jpeg:50", "epic", "friendly"),
        epic_from=3,
        epic_every=3,
        friendly_from=3,
        seeds=(0,),
        crafting=replace(
            digits_poison.crafting(),
            trigger_rate=1.0,
            trigger_times=3.0,
            narcissus_passes=200,
            target=1,
            target_class=8,
        ),
    )
