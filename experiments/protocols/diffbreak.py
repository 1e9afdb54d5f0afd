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

from purifax.evaluation.settings import (
    Attack,
    Evaluation,
)

__all__ = ["protocol"]


def protocol(config: Evaluation) -> Evaluation:
    """The evaluation under this protocol; see the module's docstring."""
    return replace(
        config,
        attacks=("apgd",),
        keys=10,
        defence=replace(config.defence, runs=1),
        apgd=Attack(steps=100, step_size=2.0, eot=10, start="surface", loss="margin"),
    )
