"""Configs of CIFAR-100: the networks of CIFAR-10, trained on its images."""

from dataclasses import replace

from experiments.configs.cifar10 import classifiers, scores
from experiments.training.config import ClassifierTraining, Data, ScoreTraining


def dsm() -> ScoreTraining:
    """CIFAR-100 score network: NCSNv2 as published for ADP (29.7 million parameters).

        python -m experiments.train --config=cifar100_dsm

    The recipe and the differences from it are those of `cifar10_dsm`. It has not been
    run in this project, and is meant for an accelerator.
    """
    return replace(scores.dsm(), data=Data(name="cifar100", flip=True))


def classifier() -> ClassifierTraining:
    """CIFAR-100 classifier: WRN-28-10 as published for ADP (36.5 million parameters).

        python -m experiments.train --config=cifar100_classifier

    The recipe and the differences from it are those of `cifar10_classifier`. Its
    authors give 81.49%, with a checkpoint chosen on the test images. It has not been
    run in this project, and is meant for an accelerator: 36 GFLOP an image and step.
    """
    base = classifiers.classifier()
    means, deviations = (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)
    return replace(
        base,
        data=Data(name="cifar100", flip=True, crop=4),
        net=replace(base.net, mean=means, std=deviations),
    )
