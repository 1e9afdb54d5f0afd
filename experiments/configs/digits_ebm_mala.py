"""Purification of digits (8x8) by an energy, each step tested by Metropolis's rule.

    python -m experiments.evaluate --config=digits_ebm_mala

after `experiments.train` of `digits_ebm` and `digits_classifier`. All as in
`digits_ebm_langevin`, but 128 images, five runs an answer and short attacks: how much
of that defence is the bias of its steps?

Measured on 128 test images (seed 0, 2 keys), 4 minutes of two busy CPU cores: 98.4%
[94.5, 99.6] clean, 79.7% [71.9, 85.7] blind, 77.3% [69.4, 83.7] BPDA+EOT and 71.1%
[62.7, 78.2] under the exact gradient, which BPDA overestimates by 6.2 points [3.1,
9.4]. `digits_ebm_langevin` leaves 66.7% [62.4, 70.7] (500 images, ten runs an answer,
longer attacks): no sign that the bias of its steps is what defends.
"""

from dataclasses import replace

from experiments.configs import digits_ebm_langevin
from purifax.evaluation.settings import (
    Attack,
    Evaluation,
    Subjects,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = digits_ebm_langevin.config()
    short = Attack(steps=10, eot=3)
    return replace(
        given,
        images=Subjects(name="digits", count=128),
        defence=replace(given.defence, method="mala", runs=5),
        sweep=(),
        keys=2,
        chunk=32,
        bpda=short,
        exact=short,
    )
