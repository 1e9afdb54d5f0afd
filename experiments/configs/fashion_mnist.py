"""Networks of MNIST for Fashion-MNIST, with 18,000 images, seed 0 and jax 0.10.2."""

from dataclasses import replace

from experiments.configs.mnist import training
from experiments.training.config import ClassifierTraining, Data, ScoreTraining


def dsm() -> ScoreTraining:
    """Score network for Fashion-MNIST (28x28): a small UNet, any noise in [0.05, 1].
    python -m experiments.train --config=fashion_mnist_dsm
    242 s on 2 busy CPU cores; loss 50.46 of 392 on 2,000 validation images."""
    return replace(training.dsm(), data=Data("fashion_mnist"))


def classifier() -> ClassifierTraining:
    """Classifier for Fashion-MNIST (28x28): a small convolutional network.
    python -m experiments.train --config=fashion_mnist_classifier
    25 s on 2 busy CPU cores; 88.2 of 5,000 test images."""
    return replace(training.classifier(), data=Data("fashion_mnist"))
