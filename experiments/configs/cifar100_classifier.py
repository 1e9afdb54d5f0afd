"""CIFAR-100 classifier: WRN-28-10 as published for ADP (36.5 million parameters).

    python -m experiments.train --config=cifar100_classifier --data_dir=DIR

The recipe: convolutions with biases, dropout 0.3, SGD with momentum 0.9, weight decay
5e-4, batch 128, learning rate 0.1 times 0.2 after 30, 60 and 80% of the run, padded
crops and flips; 70,313 steps are 200 epochs of the nine tenths that are trained on
(the recipe counts all 50,000). Its authors give 81.49%, the checkpoint being chosen
on the test images; here the last one is taken and the test images only count.
Not run here. It is meant for an accelerator: 36 GFLOP an image and step.

Source: Zagoruyko & Komodakis 2016, arXiv 1605.07146, as trained for Yoon et al. 2021.
"""

from dataclasses import replace

from experiments.configs import cifar10_classifier
from experiments.training.config import (
    ClassifierTraining,
    Data,
)

__all__ = ["config"]


def config() -> ClassifierTraining:
    """The config; see the module's docstring."""
    base = cifar10_classifier.config()
    means, deviations = (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)
    return replace(
        base,
        data=Data(name="cifar100", flip=True, crop=4),
        net=replace(base.net, mean=means, std=deviations),
    )
