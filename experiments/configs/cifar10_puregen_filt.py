"""PureGen's Filt on CIFAR-10 with its published numbers, at test time.

    python -m experiments.evaluate --config=cifar10_puregen_filt --data_dir=DIR

after `cifar10_ebm`, `cifar10_puregen_ddpm` and `cifar10_classifier`. T = [0, 125, 1], k
= 0.5. PureGen purifies training sets with it, once an image; here it stands before a
classifier under attack, of which nothing is published. The released program's diffusion
is `--config.defence.method=puregen_code`. Images and attacks are those of
`cifar10_ebm_langevin`.

For GPUs; not run here.

Source: Bhat et al. 2024, arXiv 2405.18627, table 10 and appendix D.2.
"""

from dataclasses import replace

from experiments.configs import cifar10_puregen_naive
from purifax.evaluation.settings import (
    Evaluation,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = cifar10_puregen_naive.config()
    defence = replace(given.defence, steps=0, time=125, fraction=0.5)
    return replace(given, defence=defence)
