"""Langevin purification of CIFAR-10 by an energy that trains on a CPU.

    python -m experiments.evaluate --config=cifar10_ebm_small_langevin --data_dir=DIR

after `cifar10_ebm_small` and `cifar10_classifier_small`. The images and the attacks are
those of `cifar10_adp_small`. Measured on 128 test images (seed 0, one key, blind PGD
with 20 steps, the others with 8 and EOT 2), eight minutes of CPU time: 55.5% [46.8,
63.8] clean, 32.8% blind, 14.1% [9.1, 21.1] BPDA+EOT, 4.7% [2.2, 9.8] exact. Of 128
validation images 20 steps leave 73.4% clean and 0.8% blind.
"""

from dataclasses import replace

from experiments.configs import cifar10_adp_small
from purifax.evaluation.settings import (
    Defence,
    Evaluation,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = cifar10_adp_small.config()
    defence = Defence(method="langevin", epsilon=0.01, steps=100, runs=8, rule="logits")
    return replace(given, defence=defence, score="runs/cifar10_ebm_small")
