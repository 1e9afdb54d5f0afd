"""ScoreOpt-N on CIFAR-10, networks from a CPU.

    python -m experiments.evaluate --config=cifar10_scoreopt_small --data_dir=DIR

after `cifar10_ddpm_small` and `cifar10_classifier_small`. Noise and steps were chosen
on 96 validation images: one run answers 64.6% clean and 39.6% under 20 steps of blind
PGD; with twice the step 51.0% and 39.6%, at noise 0.05 62.5% and 31.2%. The images and
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
        method="scoreopt",
        objective="noised",
        sigma=0.07,
        steps=5,
        spread=0.02,
        step_size=0.01,
        runs=4,
    )
    return replace(given, defence=defence)
