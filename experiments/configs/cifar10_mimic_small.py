"""Mimic on CIFAR-10, networks from a CPU: pure noise, led to the input.

    python -m experiments.evaluate --config=cifar10_mimic_small --data_dir=DIR

after `cifar10_ddpm_small` and `cifar10_classifier_small`. The published strength, half
the steps. Only `bpda` has a gradient to follow. On 96 validation images one run answers
56.2% clean and 26.0% under 20 steps of blind PGD. The images and the attacks are those
of `cifar10_adp_small`.
"""

from dataclasses import replace

from experiments.configs import cifar10_diffpure_small
from purifax.evaluation.settings import (
    Defence,
    Evaluation,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = cifar10_diffpure_small.config()
    defence = Defence(method="mimic", time=990, steps=50, runs=4)
    return replace(given, defence=defence)
