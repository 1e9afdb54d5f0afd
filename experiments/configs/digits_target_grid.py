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

from experiments.configs import digits_poison_grid
from experiments.poisoning.config import (
    PoisonGrid,
    defences,
)
from experiments.poisoning.defences.epic import EPIC
from experiments.poisoning.defences.friendly import Friendly

__all__ = ["config"]


def config() -> PoisonGrid:
    """The config; see the module's docstring."""
    known = digits_poison_grid.recipes()
    pattern = replace(known["narcissus"], rate=1.0, passes=200, times=3.0)
    matched = replace(known["gradient_matching"], rate=1.0, target=1, target_class=8)
    return replace(
        digits_poison_grid.config(),
        poisons={f"narcissus:{k}": replace(pattern, target=k) for k in (0, 3, 8)}
        | {
            f"gradient_matching:{number}": replace(matched, target_image=number)
            for number in range(3)
        },
        defences=defences(
            "none",
            "jpeg:50",
            epic=EPIC(first=3, every=3),
            friendly=Friendly(start=3),
        ),
        seeds=(0,),
    )
