"""PureGen's Reps on digits (8x8) at Linf 0.15: both in five short rounds.

    python -m experiments.evaluate --config=digits_puregen_reps

after `experiments.train` of `digits_ebm`, `digits_ddpm` and `digits_classifier`: 10
Langevin steps of `digits_ebm`, then `digits_ddpm` from label 50, five times. In
PureGen's terms T = [10, 50, 5]; nothing was tuned.

Measured on 128 test images (seed 0, 2 keys), 21 minutes of two busy CPU cores: 97.3%
[92.8, 99.0] clean, 80.5% [72.8, 86.4] blind, 80.5% [72.8, 86.4] BPDA+EOT and 69.5%
[61.1, 76.8] under the exact gradient, which BPDA overestimates by 10.9 points [6.6,
15.6].
"""

from dataclasses import replace

from experiments.configs import digits_puregen_naive
from purifax.evaluation.settings import (
    Evaluation,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = digits_puregen_naive.config()
    defence = replace(given.defence, steps=10, time=50, repeats=(5,))
    return replace(given, defence=defence)
