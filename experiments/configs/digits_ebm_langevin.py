"""Langevin purification of digits (8x8) by an energy at Linf 0.15: a hundred steps.

    python -m experiments.evaluate --config=digits_ebm_langevin

after `experiments.train` of `digits_ebm` and `digits_classifier`; with the energy of
`digits_ebm_dsm`, add `--config.score=runs/digits_ebm_dsm`. Images and attacks are those
of `digits_diffpure`.

Not run to its end here. A first look at 64 test images, half way through the training
of `digits_ebm`, with 3 runs: bare 98.4% clean and 26.6% under blind PGD; after 50, 100,
200 and 300 steps 98.4%, 96.9%, 95.3% and 96.9% clean, 78.1%, 78.1%, 81.2% and 82.8%
blind.
"""

from dataclasses import replace

from experiments.configs import digits_diffpure
from experiments.lib.config import Defence, Evaluation

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = digits_diffpure.config()
    defence = Defence(
        method="langevin", epsilon=0.02, steps=100, runs=10, rule="logits"
    )
    return replace(given, defence=defence, score="runs/digits_ebm")
