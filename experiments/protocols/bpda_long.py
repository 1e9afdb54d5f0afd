"""BPDA+EOT with 100 steps and 15 draws: the longer of ADP's published attacks.

    python -m experiments.evaluate --config=cifar10_adp --protocol=bpda_long

As `bpda_published` with 100 steps. More steps do not make a wrong gradient right.
Cost an image: 1,500 purifications forward and 1,500 gradients of the classifier, twice.
"""

from dataclasses import replace

from purifax.evaluation.settings import (
    Attack,
    Evaluation,
)

__all__ = ["protocol"]


def protocol(config: Evaluation) -> Evaluation:
    """The evaluation under this protocol; see the module's docstring."""
    budget = Attack(steps=100, eot=15, start="image")
    return replace(config, attacks=("vote", "bpda"), keys=5, vote=budget, bpda=budget)
