"""AutoAttack as published for deterministic models: apgd-ce, apgd-t, fab-t, square.

    python -m experiments.evaluate --config=digits_adp --protocol=autoattack_standard

100 iterations, 9 targets, 5,000 queries; an image is dropped after one wrong answer. On
a purifier that draws noise this is known to overestimate, by 26 points for ADP: each
gradient is that of one draw, and success is the luck of another. For a deterministic
model (`--config.purifier=none`) it is the standard.

Reproduces: Croce and Hein 2020, arXiv 2003.01690, version "standard".
Cost an image: 10 runs of 101 gradients, 9 of FAB, 5,000 answers, while it stands.
"""

from dataclasses import replace

from purifax.attack import AutoAttack
from purifax.evaluation.settings import Evaluation

__all__ = ["protocol"]


def protocol(config: Evaluation) -> Evaluation:
    """The evaluation under this protocol; see the module's docstring."""
    made = AutoAttack(version="standard", steps=100, queries=5000)
    return replace(config, attacks={"autoattack_standard": made}, keys=5)
