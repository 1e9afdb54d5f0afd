"""Accelerated samplers of 8x8 digits, 10 to 40 calls of the score.

    python -m experiments.accelerate --config=digits_accelerate

After `experiments.quickstart`, whose networks it takes. Measured (seed 0, jax 0.10.2):
2 minutes of CPU time. Nothing is saved at this size. Squared distances of pixels with
10, 20 and 40 calls: Langevin 0.54, 0.30, 0.27; with momentum 0.50, 0.30, 0.26, within
the range of the seeds; predictor and corrector 0.56, 0.33, 0.28; preconditioned as
published 1.14, 0.40, 0.32, matched 0.64, 0.36, 0.29. Training images have 0.30. With 10
and 20 calls the best Langevin rate is the largest of those tried.
"""

from experiments.examples.config_acceleration import (
    Acceleration,
)

__all__ = ["config"]


def config() -> Acceleration:
    """The config; see the module's docstring."""
    return Acceleration(
        score="runs/quickstart/digits_dsm",
        classifier="runs/quickstart/digits_classifier",
        calls=(10, 20, 40),
        rates=(0.15, 0.3, 0.6),
        count=200,
        seeds=3,
    )
