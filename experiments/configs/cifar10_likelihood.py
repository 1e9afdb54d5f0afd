"""Likelihood maximisation on CIFAR-10 as published: 5 steps of Adam, an EDM network.

    python -m experiments.evaluate --config=cifar10_likelihood --data_dir=DIR

after `cifar10_edm` and `cifar10_classifier`. For a GPU; not run here. Levels and step
size are half the published ones, which are for images in [-1, 1]. Published together
with a diffusion classifier, not with this one (Chen et al. 2024: 75.7% at Linf 8/255);
the maximisation alone, attacked through itself (DiffHammer): 16.2% and 8.0% by their
two counts.
"""

from purifax.evaluation.settings import (
    Attack,
    Defence,
    Evaluation,
    Subjects,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    return Evaluation(
        images=Subjects(name="cifar10", count=512),
        score="runs/cifar10_edm",
        classifier="runs/cifar10_classifier",
        defence=Defence(
            method="likelihood",
            sigma=0.25,
            spread=0.05,
            steps=5,
            step_size=0.05,
            runs=1,
        ),
        radius=8 / 255,
        attacks=("blind", "bpda", "exact"),
        keys=5,
        chunk=8,
        blind=Attack(steps=40),
        bpda=Attack(steps=40, eot=15, start="image"),
        exact=Attack(steps=200, step_size=0.007 * 255 / 8, eot=20, start="image"),
    )
