"""GDMP led by SSIM on MNIST at Linf 0.2.

    python -m experiments.evaluate --config=mnist_gdmp_ssim --data_dir=DIR

after `mnist_ddpm` and `mnist_classifier`. All but the distance is that of `mnist_gdmp`.
"""

from dataclasses import replace

from experiments.configs import mnist_gdmp
from experiments.lib.config import Evaluation

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = mnist_gdmp.config()
    defence = replace(given.defence, distance="ssim", strength=None)
    return replace(given, defence=defence)
