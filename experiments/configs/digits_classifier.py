"""Classifier for scikit-learn's digits (8x8): a small convolutional network.

    python -m experiments.train --config=digits_classifier

Part of `experiments.quickstart`. Measured (seed 0, jax 0.10.2): 5 seconds of steps
on 2 CPU cores; 98.8% of the 500 test images and 98.5% of the 130 validation images.
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
        data=Data(name="digits"),
        net=ClassifierNet(name="SmallCNN", widths=(32, 64), hidden=128),
        optim=Optim(learning_rate=2e-3, schedule="cosine", ema=0.0),
        train=Train(steps=600, batch=128, validate_every=100, save_every=100),
    )
