"""AutoAttack as published for random defences, and what it should have been.

    python -m experiments.evaluate --config=cifar10_adp --protocol=autoattack_rand

"rand" is apgd-ce and apgd-dlr with 20 draws in a gradient; an image is dropped after
one wrong answer. "stochastic" chooses iterates by the expected margin over fresh draws,
adds targeted losses and Square, both averaged over draws, and drops an image only when
20 draws of 20 are wrong.

Reproduces: Croce and Hein 2020, arXiv 2003.01690, version "rand", the protocol of
DiffPure (Nie et al. 2022, arXiv 2205.07460).
Cost an image: 4,040 gradients through the purifier for "rand"; up to 22,000 and 40,000
answers for "stochastic".
"""

from dataclasses import replace

from purifax.attack import AutoAttack
from purifax.evaluation.settings import Evaluation

__all__ = ["protocol"]


def protocol(config: Evaluation) -> Evaluation:
    """The evaluation under this protocol; see the module's docstring."""
    attacks = {
        "autoattack_rand": AutoAttack(version="rand", steps=100, eot=20),
        "autoattack_stochastic": AutoAttack(
            version="stochastic", steps=100, eot=20, judge=20, queries=1000
        ),
    }
    return replace(config, attacks=attacks, keys=5)
