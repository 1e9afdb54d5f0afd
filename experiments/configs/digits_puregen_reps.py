"""PureGen's Reps on digits (8x8) at Linf 0.15: both in five short rounds.

    python -m experiments.evaluate --config=digits_puregen_reps

after `experiments.train` of `digits_ebm`, `digits_ddpm` and `digits_classifier`: 10
Langevin steps of `digits_ebm`, then `digits_ddpm` from label 50, five times. In
PureGen's terms T = [10, 50, 5]; nothing was tuned.

Not run here.
"""

from dataclasses import replace

from experiments.configs import digits_diffpure
from experiments.lib.config import Attack, Defence, Evaluation, Subjects

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = digits_diffpure.config()
    defence = Defence(
        method="puregen",
        epsilon=0.02,
        steps=10,
        time=50,
        repeats=(5,),
        runs=5,
    )
    short = Attack(steps=10, eot=3)
    return replace(
        given,
        images=Subjects(name="digits", count=128),
        defence=defence,
        energy="runs/digits_ebm",
        sweep=(),
        keys=2,
        chunk=32,
        bpda=short,
        exact=short,
    )
