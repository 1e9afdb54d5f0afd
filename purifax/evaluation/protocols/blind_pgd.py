"""PGD on the classifier alone, the purifier unseen: the least to be asked.

    python -m experiments.evaluate --config=digits_adp --protocol=blind_pgd

40 steps of a quarter of the radius from a random start; answers under 5 keys. The
setting that ADP's paper calls preprocessor-blind (Yoon et al. 2021, arXiv 2106.06041).
It proves nothing about an attacker who knows of the purifier.

Cost an image: 40 gradients of the classifier.
"""

from dataclasses import replace

from purifax.attack import PGD
from purifax.evaluation.settings import Evaluation

__all__ = ["protocol"]


def protocol(config: Evaluation) -> Evaluation:
    """The evaluation under this protocol; see the module's docstring."""
    return replace(config, attacks={"blind": PGD(gradient="blind", steps=40)}, keys=5)
