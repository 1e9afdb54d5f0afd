"""Classifier for MNIST (28x28): a small convolutional network.

    python -m experiments.train --config=mnist_classifier --data_dir=DIR

Not run to its end here.
"""

from experiments.lib.config import (
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
