"""GDMP on CIFAR-10, networks from a CPU: one guided round.

    python -m experiments.evaluate --config=cifar10_gdmp_small --data_dir=DIR

after `cifar10_ddpm_small` and `cifar10_classifier_small`. Time and strength were chosen
on 96 validation images among 35, 70 and 120 and 1,000 and 6,000: one run answers 71.9%
clean and 34.4% under 20 steps of blind PGD; at the published time and strength 85.4%
and, under 40 steps, 2.1%, for it follows the attacked image too closely. The images and
the attacks are those of `cifar10_adp_small`.
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
    defence = Defence(
        method="gdmp",
        time=70,
        steps=12,
        variance="large",
        strength=6000.0,
        runs=4,
        rule="logits",
    )
    return replace(given, defence=defence)
