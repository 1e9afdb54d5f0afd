"""PureGen's Filt on digits (8x8) at Linf 0.15: diffusion where the energy is high.

    python -m experiments.evaluate --config=digits_puregen_filt

after `experiments.train` of `digits_ebm`, `digits_ddpm` and `digits_classifier`:
`digits_ddpm` from label 125 where the energy of `digits_ebm` is above the median of
validation images. In PureGen's terms T = [0, 125, 1], k = 0.5; nothing was tuned.

Measured on 128 test images (seed 0, 2 keys, five runs an answer) in six minutes on two
busy CPU cores: bare 99.2% clean and 20.3% [14.3, 28.1] under its own PGD; defended
97.3% [92.8, 99.0] clean, 75.8% [67.7, 82.4] blind, 74.6% [66.4, 81.4] BPDA+EOT and
68.0% [59.5, 75.4] under the exact gradient, which does not see the border of the
filter.
"""

from dataclasses import replace

from experiments.configs import digits_puregen_naive
from purifax.evaluation.settings import (
    Evaluation,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = digits_puregen_naive.config()
    defence = replace(given.defence, steps=0, time=125, fraction=0.5)
    return replace(given, defence=defence)
