"""Langevin purification of CIFAR-10 by an energy that trains on a CPU.

    python -m experiments.evaluate --config=cifar10_ebm_small_langevin --data_dir=DIR

after `cifar10_ebm_small` and `cifar10_classifier_small`. The images and the attacks are
those of `cifar10_adp_small`. Not run here.
"""

from dataclasses import replace

from experiments.configs import cifar10_adp_small
from experiments.lib.config import Defence, Evaluation

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = cifar10_adp_small.config()
    defence = Defence(method="langevin", epsilon=0.01, steps=100, runs=8, rule="logits")
    return replace(given, defence=defence, score="runs/cifar10_ebm_small")
