"""ScoreOpt-O on CIFAR-10 as published against adaptive attacks: 20 steps of Adam.

    python -m experiments.evaluate --config=cifar10_scoreopt --data_dir=DIR

after `cifar10_edm` and `cifar10_classifier`. For a GPU; not run here. Levels and step
sizes are half the published ones, which are for images in [-1, 1]. ScoreOpt-N is
`--config.defence.objective=noised --config.defence.sigma=0.125
--config.defence.steps=5`. Published at Linf 8/255 under PGD+EOT, as quoted by others
(WRN-28-10): 91.2% clean and 65.0% for O, 94.4% and 65.6% for N.
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
        score="runs/cifar10_edm",
        classifier="runs/cifar10_classifier",
        defence=Defence(
            method="scoreopt", sigma=0.25, spread=0.05, steps=20, step_size=0.05, runs=1
        ),
        radius=8 / 255,
        attacks=("blind", "bpda", "exact"),
        keys=5,
        chunk=8,
        blind=Attack(steps=40),
        bpda=Attack(steps=40, eot=15, start="image"),
        exact=Attack(steps=200, step_size=0.007 * 255 / 8, eot=20, start="image"),
    )
