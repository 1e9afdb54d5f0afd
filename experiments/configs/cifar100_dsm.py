"""CIFAR-100 score network: NCSNv2 as published for ADP (29.7 million parameters).

    python -m experiments.train --config=cifar100_dsm --data_dir=DIR

The recipe: denoising score matching over 232 noise levels in geometric progression
from 50 to 0.01, Adam 1e-4, batch 128, 300,001 steps, flips, averaged weights 0.999.
Differences: validation images are a stratified tenth (the published code trains on the
first 90% of the file), and the averaged weights are used (it uses the last ones).
Not run here. It is meant for an accelerator; see cifar10_dsm.

Source: Yoon et al. 2021, arXiv 2106.06041; Song & Ermon 2020, arXiv 2006.09011.
"""

from dataclasses import replace

from experiments.configs import cifar10_dsm
from experiments.training.config import (
    Data,
    ScoreTraining,
)

__all__ = ["config"]


def config() -> ScoreTraining:
    """The config; see the module's docstring."""
    return replace(cifar10_dsm.config(), data=Data(name="cifar100", flip=True))
