"""DiffPure's SDE on MNIST at Linf 0.2: Euler-Maruyama.

    python -m experiments.evaluate --config=mnist_diffpure_sde --data_dir=DIR

after `mnist_ddpm` and `mnist_classifier`. Noise, steps, images and attacks are those of
`mnist_diffpure`.
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
    defence = replace(given.defence, sampler="sde")
    return replace(given, defence=defence)
