"""PureGen's Naive on digits (8x8) at Linf 0.15: first energy, then diffusion.

    python -m experiments.evaluate --config=digits_puregen_naive

after `experiments.train` of `digits_ebm`, `digits_ddpm` and `digits_classifier`: 100
Langevin steps of `digits_ebm`, then `digits_ddpm` from label 75. In PureGen's terms T =
[100, 75, 1]; nothing was tuned.

Measured on 128 test images (seed 0, 2 keys), 13 minutes of two busy CPU cores: 97.7%
[93.3, 99.2] clean, 83.6% [76.2, 89.0] blind, 84.4% [77.1, 89.7] BPDA+EOT and 75.4%
[67.3, 82.0] under the exact gradient, which BPDA overestimates by 9.0 points [4.7,
13.7].
"""

from dataclasses import replace

from experiments.configs import digits_diffpure
from purifax.evaluation.settings import (
    Attack,
    Defence,
    Evaluation,
    Subjects,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = digits_diffpure.config()
    defence = Defence(
        method="puregen",
        epsilon=0.02,
        steps=100,
        time=75,
        runs=5,
    )
    short = Attack(steps=10, eot=3)
    return replace(
        given,
        images=Subjects(name="digits", count=128),
        defence=defence,
        energy="runs/digits_ebm",
        sweep=(),
        keys=2,
        chunk=32,
        bpda=short,
        exact=short,
    )
