"""GDMP led by SSIM on digits (8x8) at Linf 0.15.

    python -m experiments.evaluate --config=digits_gdmp_ssim

after `digits_ddpm` and `digits_classifier`. All but the distance is that of
`digits_gdmp`.
"""

from dataclasses import replace

from experiments.configs import digits_gdmp
from purifax.evaluation.settings import (
    Evaluation,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = digits_gdmp.config()
    defence = replace(given.defence, distance="ssim", strength=None)
    return replace(given, defence=defence)
