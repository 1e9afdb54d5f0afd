"""Gradual noise on MNIST at Linf 0.2: three rounds of DDPM's chain.

    python -m experiments.evaluate --config=mnist_lee_kim --data_dir=DIR

after `mnist_ddpm` and `mnist_classifier`. Images and attacks are those of
`mnist_diffpure`; settings of its own were not tried.
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
    defence = Defence(
        method="gradual",
        sampler="ancestral",
        sigmas=(0.1, 0.3),
        repeats=(2, 1),
        steps=5,
        runs=5,
        rule="vote",
    )
    return replace(given, defence=defence)
