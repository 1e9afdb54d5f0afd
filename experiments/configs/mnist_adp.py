"""ADP on MNIST at Linf 0.2, from one CPU.

    python -m experiments.evaluate --config=mnist_adp --data_dir=DIR

after `mnist_dsm` and `mnist_classifier`.
"""

from experiments.lib.config import Attack, Defence, Evaluation, Subjects

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    return Evaluation(
        images=Subjects(name="mnist", count=300),
        score="runs/mnist_dsm",
        classifier="runs/mnist_classifier",
        defence=Defence(sigma=0.3, level=0.4, rate=0.4, steps=5, runs=5),
        radius=0.2,
        attacks=("blind", "bpda", "exact"),
        keys=3,
        chunk=50,
        blind=Attack(steps=40),
        bpda=Attack(steps=20, eot=5),
        exact=Attack(steps=20, eot=5),
    )
