"""DiffPure's probability-flow ODE on CIFAR-10: noise, then no more randomness.

    python -m experiments.evaluate --config=cifar10_diffpure_ode --data_dir=DIR

after `cifar10_ddpmpp` and `cifar10_classifier`. Euler's method, 100 even steps of the
time that `cifar10_diffpure` has, and its attacks;
`--config.defence.sampler=dpm_solver --config.defence.steps=10` does with a tenth of the
calls. For GPUs; not run here.

Source: Nie et al. 2022, arXiv 2205.07460, and its released code.
"""

from dataclasses import replace

from experiments.configs import cifar10_diffpure
from purifax.evaluation.settings import (
    Evaluation,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = cifar10_diffpure.config()
    defence = replace(given.defence, sampler="euler", last_time=None)
    return replace(given, defence=defence)
