"""Gradual noise on digits (8x8) at Linf 0.15: three rounds of DDPM's chain.

    python -m experiments.evaluate --config=digits_lee_kim

after `experiments.train` of `digits_ddpm` and `digits_classifier`. On 64
validation images, with 5 runs and under 12 steps of the exact gradient with EOT 4:
96.9% clean and 60.9% attacked. Images and attacks are those of `digits_diffpure`.

Measured on 300 test images (seed 0, 3 keys): 94.8% [91.6, 96.8] clean, 77.9% [72.9,
82.2] under blind PGD, 75.9% [70.7, 80.4] under BPDA+EOT and 66.3% [60.8, 71.4] under
the exact gradient.
"""

from dataclasses import replace

from experiments.configs import digits_diffpure
from purifax.evaluation.settings import (
    Defence,
    Evaluation,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = digits_diffpure.config()
    defence = Defence(
        method="gradual",
        sampler="ancestral",
        sigmas=(0.1, 0.25),
        repeats=(2, 1),
        steps=10,
        runs=10,
        rule="vote",
    )
    return replace(given, defence=defence)
