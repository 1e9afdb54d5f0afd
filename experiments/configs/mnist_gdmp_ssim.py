"""GDMP led by SSIM on MNIST at Linf 0.2.

    python -m experiments.evaluate --config=mnist_gdmp_ssim --data_dir=DIR

after `mnist_ddpm` and `mnist_classifier`. All but the distance is that of `mnist_gdmp`.
The strength was chosen on 96 validation images: one run answers 97.9% clean and 81.2%
under blind PGD, with 1,500 97.9% and 78.1%, with 5,000 91.7% and 55.2%.
"""

from dataclasses import replace

from experiments.configs import mnist_gdmp
from purifax.evaluation.settings import (
    Evaluation,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = mnist_gdmp.config()
    defence = replace(given.defence, distance="ssim", strength=500.0)
    return replace(given, defence=defence)
