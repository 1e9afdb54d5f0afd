"""JPEG of quality 25 on MNIST at Linf 0.2.

    python -m experiments.evaluate --config=mnist_jpeg --data_dir=DIR

after `mnist_classifier`. For one CPU; not run here, and its numbers are those of
`digits_jpeg`, not tuned.
"""

from experiments.lib.config import Attack, Defence, Evaluation, Subjects

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    return Evaluation(
        images=Subjects(name="mnist", count=512),
        score="",
        classifier="runs/mnist_classifier",
        defence=Defence(method="jpeg", quality=25, runs=1),
        radius=0.2,
        attacks=("blind", "bpda", "exact"),
        keys=3,
        chunk=32,
        blind=Attack(steps=40),
        bpda=Attack(steps=20, eot=5),
        exact=Attack(steps=20, eot=5),
    )
