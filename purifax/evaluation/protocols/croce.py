"""APGD on the margin, 10 iterations, 200 draws, step sizes held constant or not.

    python -m experiments.evaluate --config=cifar10_adp --protocol=croce

One start at the radius; the gradient goes through every step of the purifier, its
adaptive step sizes held constant, as in the evaluation that took ADP from 70% to a
third. The same attack with the exact gradient is run beside it. Answers under 5 keys.

Reproduces: Croce et al. 2022, arXiv 2202.13711: 33.7 +- 0.5% on 1,000 images of
CIFAR-10 at Linf 8/255 for ADP; `cifar10_croce` has their number of images.
Cost an image: 2,200 gradients through the purifier, twice.
"""

from dataclasses import replace

from purifax.attack import APGD
from purifax.evaluation.settings import Evaluation

__all__ = ["protocol"]


def protocol(config: Evaluation) -> Evaluation:
    """The evaluation under this protocol; see the module's docstring."""
    budget = {"steps": 10, "eot": 200, "loss": "margin"}
    attacks = {
        "apgd_held": APGD(gradient="frozen", **budget),
        "apgd": APGD(gradient="exact", **budget),
    }
    return replace(config, attacks=attacks, keys=5)
