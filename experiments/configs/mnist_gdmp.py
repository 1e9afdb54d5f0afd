"""GDMP on MNIST at Linf 0.2: one guided round of 30 steps.

    python -m experiments.evaluate --config=mnist_gdmp --data_dir=DIR

after `mnist_ddpm` and `mnist_classifier`. The numbers of `digits_gdmp`, in proportion
to the size of the images. Images and attacks are those of `mnist_diffpure`.
"""

from dataclasses import replace

from experiments.configs import mnist_diffpure
from experiments.lib.config import Defence, Evaluation

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    given = mnist_diffpure.config()
    defence = Defence(
        method="gdmp",
        time=150,
        steps=30,
        variance="large",
        strength=15000.0,
        against=0.15,
        runs=5,
        rule="logits",
    )
    return replace(given, defence=defence)
