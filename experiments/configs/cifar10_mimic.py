"""MimicDiffusion on CIFAR-10 as published: 100 steps from pure noise, led by signs.

    python -m experiments.evaluate --config=cifar10_mimic --data_dir=DIR

after `cifar10_ddpm` and `cifar10_classifier`. For a GPU; not run here. Published: 92.7%
robust on average (Song et al. 2024), with an attack through another purifier. The input
enters by signs alone: `exact` has no gradient to follow, and `bpda` is the attack that
counts. DiffBreak finds 2.7% in the worst of ten runs and 25.8% by majority vote.
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
        score="runs/cifar10_ddpm",
        classifier="runs/cifar10_classifier",
        defence=Defence(method="mimic", time=990, steps=100, runs=1),
        radius=8 / 255,
        attacks=("blind", "bpda", "exact"),
        keys=5,
        chunk=8,
        blind=Attack(steps=40),
        bpda=Attack(steps=40, eot=15, start="image"),
        exact=Attack(steps=200, step_size=0.007 * 255 / 8, eot=20, start="image"),
    )
