"""BPDA+EOT as ADP published it: 40 steps, 15 draws, signs or gradients averaged.

    python -m experiments.evaluate --config=cifar10_adp --protocol=bpda_published

Steps of a quarter of the radius from the image itself. Two attacks: the released code's
majority over the signs of the 15 gradients, and the sign of their mean, which the paper
describes. Answers under 5 keys, each with all of the defence's runs.

Reproduces: Yoon et al. 2021, arXiv 2106.06041: 70.01% on CIFAR-10 at Linf 8/255. It
overestimates; see `croce` and `lee_kim`.
Cost an image: 600 purifications forward and 600 gradients of the classifier, twice.
"""

from dataclasses import replace

from purifax.attack import PGD, SignVote
from purifax.evaluation.settings import Evaluation

__all__ = ["protocol"]


def protocol(config: Evaluation) -> Evaluation:
    """The evaluation under this protocol; see the module's docstring."""
    vote = SignVote(steps=40, eot=15)
    bpda = PGD(gradient="bpda", steps=40, eot=15, start="image")
    return replace(config, attacks={"vote": vote, "bpda": bpda}, keys=5)
