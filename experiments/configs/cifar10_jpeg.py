"""JPEG of quality 75 before a CIFAR-10 classifier: a baseline without a network.

    python -m experiments.evaluate --config=cifar10_jpeg --data_dir=DIR

after `cifar10_classifier`; fewer grey levels are `--config.defence.method=bit_depth`.
Not run here. Rounding has no gradient: `exact` stands still, and `bpda` is the attack
that counts.
"""

from purifax.evaluation.settings import (
    Attack,
    Defence,
    Evaluation,
    Subjects,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    return Evaluation(
        images=Subjects(name="cifar10", count=512),
        score="",
        classifier="runs/cifar10_classifier",
        defence=Defence(method="jpeg", runs=1),
        radius=8 / 255,
        attacks=("blind", "bpda", "exact"),
        keys=5,
        chunk=8,
        blind=Attack(steps=40),
        bpda=Attack(steps=40, eot=15, start="image"),
        exact=Attack(steps=200, step_size=0.007 * 255 / 8, eot=20, start="image"),
    )
