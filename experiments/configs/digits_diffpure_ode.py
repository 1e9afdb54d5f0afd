"""The probability-flow ODE on digits (8x8) at Linf 0.15, five steps of DPM-Solver++.

    python -m experiments.evaluate --config=digits_diffpure_ode

after `experiments.train` of `digits_ddpm` and `digits_classifier`. The noise,
images and attacks are those of `digits_diffpure`; settings of its own were not tried.
"""

from dataclasses import replace

from experiments.configs import digits_diffpure
from purifax.evaluation.settings import (
    Evaluation,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = digits_diffpure.config()
    defence = replace(given.defence, sampler="dpm_solver", steps=5)
    return replace(given, defence=defence)
