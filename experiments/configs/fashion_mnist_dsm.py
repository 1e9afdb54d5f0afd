"""Score network for Fashion-MNIST (28x28): a small UNet, any noise in [0.05, 1].

    python -m experiments.train --config=fashion_mnist_dsm --data_dir=DIR

Not run to its end here.
"""

from dataclasses import replace

from experiments.configs import mnist_dsm
from experiments.lib.config import Data, ScoreTraining

__all__ = ["config"]


def config() -> ScoreTraining:
    """The config; see the module's docstring."""
    return replace(mnist_dsm.config(), data=Data(name="fashion_mnist"))
