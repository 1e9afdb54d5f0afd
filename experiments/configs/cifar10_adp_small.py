"""ADP on CIFAR-10 with networks that train on a CPU in about an hour.

    python -m experiments.evaluate --config=cifar10_adp_small --data_dir=DIR

after `cifar10_dsm_small` and `cifar10_classifier_small`.
"""

from experiments.lib.config import Attack, Defence, Evaluation, Subjects

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    return Evaluation(
        images=Subjects(name="cifar10", count=512),
        score="runs/cifar10_dsm_small",
        classifier="runs/cifar10_classifier_small",
        defence=Defence(
            sigma=0.1,
            level=0.1,
            last_level=0.03,
            rate=0.4,
            largest=0.04,
            steps=4,
            runs=8,
        ),
        radius=8 / 255,
        attacks=("blind", "bpda", "exact"),
        keys=3,
        chunk=32,
        blind=Attack(steps=40),
        bpda=Attack(steps=15, step_size=0.25, eot=6, start="image"),
        exact=Attack(steps=8, step_size=0.35, eot=8, start="image"),
    )
