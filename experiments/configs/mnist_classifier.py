"""Classifier for MNIST (28x28): a small convolutional network.

    python -m experiments.train --config=mnist_classifier --data_dir=DIR

Measured (seed 0, jax 0.10.2): 28 seconds on 2 busy CPU cores; 98.5% of 5,000 test
images (98.7% of 6,000 validation images).
"""

from experiments.training.config import (
    ClassifierNet,
    ClassifierTraining,
    Data,
    Optim,
    Train,
)

__all__ = ["config"]


def config() -> ClassifierTraining:
    """The config; see the module's docstring."""
    return ClassifierTraining(
        data=Data(name="mnist"),
        net=ClassifierNet(name="SmallCNN", widths=(32, 64), hidden=128, fold=2),
        optim=Optim(learning_rate=1e-3, schedule="cosine", ema=0.0),
        train=Train(steps=2000, batch=128, validate_every=500, save_every=500),
    )
