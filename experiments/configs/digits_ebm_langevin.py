"""Langevin purification of digits (8x8) by an energy at Linf 0.15: a hundred steps.

    python -m experiments.evaluate --config=digits_ebm_langevin

after `experiments.train` of `digits_ebm` and `digits_classifier`; with the energy of
`digits_ebm_dsm`, add `--config.score=runs/digits_ebm_dsm`. Images and attacks are those
of `digits_diffpure`.

Nothing was tuned. Measured on all 500 test images (seed 0, 3 keys; 300 of them take
three minutes on two CPU cores): bare 98.8% clean and 19.6% [16.4, 23.3] under its own
PGD; defended 98.8% [97.4, 99.4] clean, 77.9% [74.1, 81.3] blind, 74.7% [70.7, 78.3]
BPDA+EOT and 66.7% [62.4, 70.7] under the exact gradient, which BPDA overestimates by
8.1 points [6.4, 10.0].
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
        method="langevin", epsilon=0.02, steps=100, runs=10, rule="logits"
    )
    return replace(given, defence=defence, score="runs/digits_ebm")
