"""APGD on the margin, 100 iterations, 10 draws; each image submitted ten times.

    python -m experiments.evaluate --config=cifar10_adp --protocol=diffbreak

Exact gradient, one start at the radius. Each answer is one run of the purifier, given
under 10 keys: the report's worst-of-10 and vote-of-10 are this protocol's two numbers,
with the same of the clean images as their control.

Reproduces: the protocol of Kassis et al. 2024, arXiv 2411.16598 (DiffBreak), which
gives no number for ADP.
Cost an image: 1,010 gradients through the purifier.
"""

from dataclasses import replace

from purifax.attack import APGD
from purifax.evaluation.settings import Evaluation

__all__ = ["protocol"]


def protocol(config: Evaluation) -> Evaluation:
    """The evaluation under this protocol; see the module's docstring."""
    attacks = {"apgd": APGD(steps=100, eot=10, loss="margin")}
    return replace(config, attacks=attacks, keys=10, samples=1)
