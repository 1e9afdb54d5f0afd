"""Langevin purification of MNIST by an energy at Linf 0.2: a hundred steps.

    python -m experiments.evaluate --config=mnist_ebm_langevin --data_dir=DIR

after `experiments.train` of `mnist_ebm` and `mnist_classifier`. Images and attacks are
those of `mnist_diffpure`. Not run here.
"""

from dataclasses import replace

from experiments.configs import mnist_diffpure
from experiments.lib.config import Defence, Evaluation

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = mnist_diffpure.config()
    defence = Defence(method="langevin", epsilon=0.03, steps=100, runs=5, rule="logits")
    return replace(given, defence=defence, score="runs/mnist_ebm")
