"""Score network for Fashion-MNIST (28x28): a small UNet, any noise in [0.05, 1].

    python -m experiments.train --config=fashion_mnist_dsm --data_dir=DIR

Measured (seed 0, jax 0.10.2, trained on 18,000 images): 242 seconds on 2 busy
CPU cores; loss 50.46 on 2,000 validation images (392 for a network that says nothing).
"""

from dataclasses import replace

from experiments.configs import mnist_dsm
from experiments.training.config import (
    Data,
    ScoreTraining,
)

__all__ = ["config"]


def config() -> ScoreTraining:
    """The config; see the module's docstring."""
    return replace(mnist_dsm.config(), data=Data(name="fashion_mnist"))
