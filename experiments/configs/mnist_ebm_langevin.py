"""Langevin purification of MNIST by an energy at Linf 0.2: a hundred steps.

    python -m experiments.evaluate --config=mnist_ebm_langevin --data_dir=DIR

after `experiments.train` of `mnist_ebm` and `mnist_classifier`. Images and attacks are
those of `mnist_diffpure`. Nothing was tuned. Measured on 512 test images (seed 0, 2
keys, blind PGD with 20 steps, the others with 10 and EOT 3) in seven minutes on two CPU
cores: bare 98.8% clean and 0.0% [0.0, 0.7] under its own PGD; defended 96.9% [95.0,
98.1] clean, 74.8% [70.9, 78.4] blind, 68.2% [64.0, 72.1] BPDA+EOT and 46.1% [41.8,
50.4] under the exact gradient: BPDA overestimates by 22.1 points [19.0, 25.3].
"""

from dataclasses import replace

from experiments.configs import mnist_diffpure
from purifax.evaluation.settings import (
    Defence,
    Evaluation,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = mnist_diffpure.config()
    defence = Defence(method="langevin", epsilon=0.03, steps=100, runs=5, rule="logits")
    return replace(given, defence=defence, score="runs/mnist_ebm")
