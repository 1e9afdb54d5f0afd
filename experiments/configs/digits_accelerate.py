"""Accelerated samplers of 8x8 digits, 10 to 40 calls of the score.

    python -m experiments.accelerate --config=digits_accelerate

After `experiments.quickstart`, whose networks it takes.
"""

from experiments.lib.config import Acceleration

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
