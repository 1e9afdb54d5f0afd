"""BPDA+EOT with 100 steps and 15 draws: the longer of ADP's published attacks.

    python -m experiments.evaluate --config=cifar10_adp --protocol=bpda_long

As `bpda_published` with 100 steps. More steps do not make a wrong gradient right.
Cost an image: 1,500 purifications forward and 1,500 gradients of the classifier, twice.
"""

from dataclasses import replace

from purifax.attack import PGD, SignVote
from purifax.evaluation.settings import Evaluation

__all__ = ["protocol"]


def protocol(config: Evaluation) -> Evaluation:
    """The evaluation under this protocol; see the module's docstring."""
    vote = SignVote(steps=100, eot=15)
    bpda = PGD(gradient="bpda", steps=100, eot=15, start="image")
    return replace(config, attacks={"vote": vote, "bpda": bpda}, keys=5)
