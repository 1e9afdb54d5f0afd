"""Mimic: pure noise, led to the input, on MNIST at Linf 0.2.

    python -m experiments.evaluate --config=mnist_mimic --data_dir=DIR

after `mnist_ddpm` and `mnist_classifier`. The numbers of `digits_mimic`, in proportion
to the size of the images. On 96 validation images one run answers 97.9% clean and 67.7%
under blind PGD; in 20 steps 92.7% and 67.7%. Only `bpda` has a gradient to follow.
Images and attacks are those of `mnist_diffpure`.
"""

from dataclasses import replace

from experiments.configs import mnist_diffpure
from purifax.evaluation.settings import (
    Defence,
    Evaluation,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = mnist_diffpure.config()
    defence = Defence(method="mimic", time=990, steps=50, strength=120.0, runs=5)
    return replace(given, defence=defence)
