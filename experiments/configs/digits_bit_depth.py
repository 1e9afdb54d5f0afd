"""2 bits a value on digits (8x8) at Linf 0.15.

    python -m experiments.evaluate --config=digits_bit_depth

after `digits_classifier`. A baseline without a network; only `bpda` has a gradient to
follow. Images and attacks are those of `digits_jpeg`.
"""

from dataclasses import replace

from experiments.configs import digits_jpeg
from purifax.evaluation.settings import (
    Evaluation,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = digits_jpeg.config()
    defence = replace(given.defence, method="bit_depth", bits=2)
    return replace(given, defence=defence)
