"""Classifier for Fashion-MNIST (28x28): a small convolutional network.

    python -m experiments.train --config=fashion_mnist_classifier --data_dir=DIR

Not run to its end here.
"""

from dataclasses import replace

from experiments.configs import mnist_classifier
from experiments.lib.config import ClassifierTraining, Data

__all__ = ["config"]


def config() -> ClassifierTraining:
    """The config; see the module's docstring."""
    return replace(mnist_classifier.config(), data=Data(name="fashion_mnist"))
