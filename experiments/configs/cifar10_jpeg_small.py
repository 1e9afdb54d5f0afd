"""JPEG of quality 50 on CIFAR-10, a network from a CPU.

    python -m experiments.evaluate --config=cifar10_jpeg_small --data_dir=DIR

after `cifar10_classifier_small`. A baseline; only `bpda` has a gradient to follow. On
96 validation images 75.0% clean and 37.5% under blind PGD. The images and the attacks
are those of `cifar10_adp_small`.
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
    defence = Defence(method="jpeg", quality=50, runs=1)
    return replace(given, defence=defence, score="")
