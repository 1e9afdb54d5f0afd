"""Purification of digits (8x8) by an energy, each step tested by Metropolis's rule.

    python -m experiments.evaluate --config=digits_ebm_mala

after `experiments.train` of `digits_ebm` and `digits_classifier`. All as in
`digits_ebm_langevin`, but 128 images, five runs an answer and short attacks: how much
of that defence is the bias of its steps?

Not run here.
"""

from dataclasses import replace

from experiments.configs import digits_ebm_langevin
from experiments.lib.config import Attack, Evaluation, Subjects

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
