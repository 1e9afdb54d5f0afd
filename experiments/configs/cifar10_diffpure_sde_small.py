"""DiffPure's SDE on CIFAR-10, networks from a CPU: Euler-Maruyama.

    python -m experiments.evaluate --config=cifar10_diffpure_sde_small --data_dir=DIR

after `cifar10_ddpm_small` and `cifar10_classifier_small`. Noise, steps, images and
attacks are those of `cifar10_diffpure_small`. On 96 validation images one run answers
49.0% clean and 33.3% under blind PGD; in 20 steps of the chain 52.1% and, under 20
steps of PGD, 30.2%.
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
    defence = replace(given.defence, sampler="sde")
    return replace(given, defence=defence)
