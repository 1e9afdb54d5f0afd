"""Stochastic Security's defence of CIFAR-10: 1,500 Langevin steps, 150 chains.

    python -m experiments.evaluate --config=cifar10_ebm_longrun_langevin --data_dir=DIR

after `cifar10_ebm_longrun` and `cifar10_classifier`. The noise of a step is 0.005 in
[0, 1], published as 0.01 in [-1, 1]; an answer is the mean of the logits of 150 chains.
BPDA+EOT with 15 chains, from a random start, in 50 steps of a quarter of the radius;
the exact gradient with the same budget, three chains in memory at a time. The published
attack stops at the first image that 150 fresh chains get wrong; here all 50 steps are
taken and the last image is answered under each key.

For GPUs: 1.2 million Langevin steps an image and attack. Not run here. From memory and
not checked against the paper, published at Linf 8/255 on 500 images: 84.1% clean, 78.9%
blind, 54.9% under BPDA+EOT. `digits_ebm_longrun` shows both gradients on digits.

Source: Hill, Mitchell and Zhu 2021, arXiv 2005.13525, and its code.
"""

from dataclasses import replace

from experiments.configs import cifar10_ebm_langevin
from purifax.evaluation.settings import (
    Attack,
    Defence,
    Evaluation,
    Subjects,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = cifar10_ebm_langevin.config()
    budget = Attack(steps=50, step_size=0.25, eot=15)
    return replace(
        given,
        images=Subjects(name="cifar10", count=500),
        score="runs/cifar10_ebm_longrun",
        defence=Defence(
            method="langevin", epsilon=0.005, steps=1500, runs=150, rule="logits"
        ),
        keys=1,
        chunk=1,
        bpda=budget,
        exact=replace(budget, at_once=3),
    )
