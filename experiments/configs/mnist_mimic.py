"""Mimic: pure noise, led to the input, on MNIST at Linf 0.2.

    python -m experiments.evaluate --config=mnist_mimic --data_dir=DIR

after `mnist_ddpm` and `mnist_classifier`. For one CPU; not run here, and its numbers
are those of `digits_mimic`, in proportion to the size of the images, not tuned.
"""

from experiments.lib.config import Attack, Defence, Evaluation, Subjects

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    return Evaluation(
        images=Subjects(name="mnist", count=512),
        score="runs/mnist_ddpm",
        classifier="runs/mnist_classifier",
        defence=Defence(method="mimic", time=990, steps=50, strength=120.0, runs=5),
        radius=0.2,
        attacks=("blind", "bpda", "exact"),
        keys=3,
        chunk=32,
        blind=Attack(steps=40),
        bpda=Attack(steps=20, eot=5),
        exact=Attack(steps=20, eot=5),
    )
