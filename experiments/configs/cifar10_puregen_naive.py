"""PureGen's Naive on CIFAR-10 with its published numbers, at test time.

    python -m experiments.evaluate --config=cifar10_puregen_naive --data_dir=DIR

after `cifar10_ebm`, `cifar10_puregen_ddpm` and `cifar10_classifier`. T = [150, 75, 1].
PureGen purifies training sets with it, once an image; here it stands before a
classifier under attack, of which nothing is published. The released program's diffusion
is `--config.defence.method=puregen_code`. Images and attacks are those of
`cifar10_ebm_langevin`.

For GPUs; not run here.

Source: Bhat et al. 2024, arXiv 2405.18627, table 10 and appendix D.2.
"""

from dataclasses import replace

from experiments.configs import cifar10_ebm_langevin
from purifax.evaluation.settings import (
    Defence,
    Evaluation,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = cifar10_ebm_langevin.config()
    defence = Defence(
        method="puregen",
        epsilon=0.00625,
        steps=150,
        time=75,
        runs=1,
    )
    return replace(
        given,
        score="runs/cifar10_puregen_ddpm",
        energy="runs/cifar10_ebm",
        defence=defence,
    )
