"""Long-run Langevin purification of digits (8x8): 1,500 steps, as Stochastic Security.

    python -m experiments.evaluate --config=digits_ebm_longrun

after `experiments.train` of `digits_ebm` and `digits_classifier`. The exact gradient
goes through all steps, recomputed. Images and attacks are those of `digits_ebm_mala`.

Not run here.
"""

from dataclasses import replace

from experiments.configs import digits_ebm_mala
from experiments.lib.config import Evaluation

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = digits_ebm_mala.config()
    defence = replace(given.defence, method="langevin", steps=1500)
    return replace(given, defence=defence)
