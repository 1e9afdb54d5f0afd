"""DiffPure's SDE on digits (8x8) at Linf 0.15: Euler-Maruyama.

    python -m experiments.evaluate --config=digits_diffpure_sde

after `digits_ddpm` and `digits_classifier`. Noise, steps, images and attacks are those
of `digits_diffpure`.
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
    defence = replace(given.defence, sampler="sde")
    return replace(given, defence=defence)
