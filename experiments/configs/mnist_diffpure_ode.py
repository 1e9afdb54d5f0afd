"""The probability-flow ODE on MNIST at Linf 0.2, five steps of DPM-Solver++.

    python -m experiments.evaluate --config=mnist_diffpure_ode --data_dir=DIR

after `mnist_ddpm` and `mnist_classifier`. The noise, images and attacks are those
of `mnist_diffpure`; settings of its own were not tried.
"""

from dataclasses import replace

from experiments.configs import mnist_diffpure
from purifax.evaluation.settings import (
    Evaluation,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = mnist_diffpure.config()
    defence = replace(given.defence, sampler="dpm_solver")
    return replace(given, defence=defence)
