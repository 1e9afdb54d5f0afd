"""Gradual noise on CIFAR-10 (Lee and Kim): eight rounds of DDPM, ten runs that vote.

    python -m experiments.evaluate --config=cifar10_lee_kim --data_dir=DIR

after `cifar10_ddpm` and `cifar10_classifier`. Four rounds over 30 labels, two over 50
and two over 125, all labels of each. Their attack is `surrogate_steps`: 200 steps of
0.007 with 20 draws, through a purifier whose longest round has 5 steps (theirs have 1,
1 and 5; here the rounds over 50 have 2); the ensemble is seen one run at a time.

For GPUs, 470 calls of the network a run; not run here. Their table is known to us at
second hand only, so no number stands here.

Source: Lee and Kim 2023, arXiv 2303.09051, section 5, and its released code.
"""

from dataclasses import replace

from purifax.evaluation.settings import (
    Attack,
    Defence,
    Evaluation,
    Subjects,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    budget = Attack(steps=200, step_size=0.007 * 255 / 8, eot=20, start="image")
    return Evaluation(
        images=Subjects(name="cifar10", count=512),
        score="runs/cifar10_ddpm",
        classifier="runs/cifar10_classifier",
        defence=Defence(
            method="gradual",
            sampler="ancestral",
            times=(29, 49, 124),
            repeats=(4, 2, 2),
            steps=125,
            runs=10,
            rule="vote",
        ),
        radius=8 / 255,
        attacks=("blind", "bpda", "surrogate_steps", "exact"),
        keys=5,
        chunk=1,
        blind=Attack(steps=40),
        bpda=replace(budget, steps=50),
        surrogate_steps=replace(budget, shorter=5),
        exact=budget,
    )
