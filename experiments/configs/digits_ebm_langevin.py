"""Langevin purification of digits (8x8) by an energy at Linf 0.15: a hundred steps.

    python -m experiments.evaluate --config=digits_ebm_langevin

after `experiments.train` of `digits_ebm` and `digits_classifier`; with the energy of
`digits_ebm_dsm`, add `--config.score=runs/digits_ebm_dsm`. Images and attacks are those
of `digits_diffpure`.

Nothing was tuned. Measured on 300 test images (seed 0, 3 keys) in three minutes on two
CPU cores: bare 98.3% clean and 19.3% [15.3, 24.2] under its own PGD; defended 98.1%
[95.9, 99.1] clean, 77.8% [72.7, 82.1] blind, 74.9% [69.7, 79.5] BPDA+EOT and 67.2%
[61.7, 72.3] under the exact gradient, which BPDA overestimates by 7.7 points [5.6,
9.8].
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
