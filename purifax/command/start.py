"""The evaluation that `purifax evaluate` starts from where no config is named."""

from purifax.attack import PGD
from purifax.evaluation.settings import Evaluation, Subjects
from purifax.purify import ADP

__all__ = ["config"]


def config() -> Evaluation:
    """ADP on digits (8x8) with the weights that come with the package.

        purifax evaluate --config.images.count=50

    Every field may be replaced, networks and images too:

        purifax evaluate --config.images.name=mine.npz --config.classifier=FOLDER
            --config.purifier=mypackage.mine:Smooth --config.radius=0.03
    """
    return Evaluation(
        images=Subjects(name="digits", count=100),
        classifier="digits_classifier",
        score="digits_dsm",
        purifier=ADP(rate=0.8, largest=0.25, steps=3),
        radius=0.15,
        attacks={
            "blind": PGD(gradient="blind"),
            "bpda": PGD(gradient="bpda", steps=15, eot=4),
            "exact": PGD(steps=15, eot=4),
        },
        keys=3,
        chunk=50,
        probed=8,
    )
