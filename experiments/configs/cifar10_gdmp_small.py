"""GDMP on CIFAR-10, networks from a CPU: one guided round.

    python -m experiments.evaluate --config=cifar10_gdmp_small --data_dir=DIR

after `cifar10_ddpm_small` and `cifar10_classifier_small`. The published noise and
strength, one round, a third of the steps. The images and the attacks are those of
`cifar10_adp_small`. Not run here.
"""

from dataclasses import replace

from experiments.configs import cifar10_diffpure_small
from experiments.lib.config import Defence, Evaluation

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = cifar10_diffpure_small.config()
    defence = Defence(
        method="gdmp", time=35, steps=12, variance="large", runs=4, rule="logits"
    )
    return replace(given, defence=defence)
