"""PGD, 200 steps, 20 draws, through the whole purifier and through half of it.

    python -m experiments.evaluate --config=cifar10_adp --protocol=lee_kim

From the image itself, in steps of 0.007 at Linf 8/255 (0.223 of any radius); the last
iterate is kept. "surrogate" differentiates the purifier with half of its steps, as Lee
and Kim do for long chains; "exact" differentiates all of them, as they do for ADP.

Reproduces: Lee and Kim 2023, arXiv 2303.09051: about 33% for ADP on CIFAR-10 with a
WRN-28-10 (their table is known to us at second hand).
Cost an image: 4,000 gradients through the purifier, and 4,000 through half of it.
"""

from dataclasses import replace

from purifax.attack import PGD, SurrogatePGD
from purifax.evaluation.settings import Evaluation

__all__ = ["protocol"]


def protocol(config: Evaluation) -> Evaluation:
    """The evaluation under this protocol; see the module's docstring."""
    budget = {"steps": 200, "step_size": 0.007 * 255 / 8, "eot": 20, "start": "image"}
    attacks = {"surrogate_steps": SurrogatePGD(**budget), "exact": PGD(**budget)}
    return replace(config, attacks=attacks, keys=5)
