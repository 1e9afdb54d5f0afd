"""Configs of CIFAR-100: the networks of CIFAR-10, trained on its images."""

from dataclasses import replace

from experiments.configs.cifar10 import classifiers, scores
from experiments.training.config import ClassifierTraining, ScoreTraining


def dsm() -> ScoreTraining:
    """CIFAR-100 score network: NCSNv2 as published for ADP (29.7 million parameters).
    python -m experiments.train --config=cifar100_dsm
    Recipe and differences of `cifar10_dsm`. Not run here; for an accelerator."""
    base = scores.dsm()
    return replace(base, data=replace(base.data, name="cifar100"))


def classifier() -> ClassifierTraining:
    """CIFAR-100 classifier: WRN-28-10 as published for ADP (36.5 million parameters).
    python -m experiments.train --config=cifar100_classifier
    As `cifar10_classifier`. Published: 81.49, with a checkpoint chosen on the test
    images. Not run here; for an accelerator: 36 GFLOP an image and step."""
    base = classifiers.classifier()
    means, deviations = (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)
    net = replace(base.net, mean=means, std=deviations)
    return replace(base, data=replace(base.data, name="cifar100"), net=net)
