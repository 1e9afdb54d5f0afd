"""Long-run Langevin purification of digits (8x8): 1,500 steps, as Stochastic Security.

    python -m experiments.evaluate --config=digits_ebm_longrun

after `experiments.train` of `digits_ebm` and `digits_classifier`. The exact gradient
goes through all steps, recomputed. Images and attacks are those of `digits_ebm_mala`.

Measured on 64 of the 128 test images (`--config.images.count=64`, seed 0, 2 keys), 71
minutes of a third of two CPU cores: 92.2% [83.0, 96.6] clean, 81.2% [70.0, 88.9] blind,
79.7% [68.3, 87.7] BPDA+EOT and 75.0% [63.2, 84.0] under the exact gradient, whose proof
holds through 1,500 steps; the worst of the three leaves 71.9% [59.9, 81.4]. BPDA above
exact: 4.7 points [-0.8, 10.2]. Ten steps with three draws do not climb it to the end.
"""

from dataclasses import replace

from experiments.configs import digits_ebm_mala
from purifax.evaluation.settings import (
    Evaluation,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = digits_ebm_mala.config()
    defence = replace(given.defence, method="langevin", steps=1500)
    return replace(given, defence=defence)
