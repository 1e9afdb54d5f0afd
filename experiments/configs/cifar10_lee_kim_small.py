"""Gradual noise on CIFAR-10 with networks that train on a CPU: three rounds.

    python -m experiments.evaluate --config=cifar10_lee_kim_small --data_dir=DIR

after `cifar10_ddpm_small` and `cifar10_classifier_small`. The images, the attacks and
the noise 0.1 are those of `cifar10_adp_small`. On 96 validation images one run answers
53.1% clean and 41.7% under blind PGD.
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
    defence = Defence(
        method="gradual",
        sampler="ancestral",
        sigmas=(0.05, 0.1),
        repeats=(2, 1),
        steps=5,
        runs=8,
        rule="vote",
    )
    return replace(given, defence=defence, score="runs/cifar10_ddpm_small")
