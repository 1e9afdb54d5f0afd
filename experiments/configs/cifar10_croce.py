"""ADP on CIFAR-10 as Croce et al. attacked it: the number that replaced 70%.

    python -m experiments.evaluate --config=cifar10_croce --data_dir=DIR

after `cifar10_dsm` and `cifar10_classifier`. The defence is that of `cifar10_adp`. The
attack is APGD on the margin, Linf 8/255, 10 iterations with 200 draws each, one random
start, through every step of the purifier with its step sizes held constant
(`apgd_held`); `--config.attacks=apgd_held,apgd --config.apgd.steps=10
--config.apgd.eot=200 --config.apgd.loss=margin` adds the same attack with the exact
gradient. Images are answered 5 times over, each time with 10 runs.

For GPUs, one image at a time and device, since the 200 draws go through together; not
run here. Published: 86.9 +- 0.4% clean, 33.7 +- 0.5% under attack (Croce et al. 2022,
arXiv 2202.13711, and its logs). Theirs are the first 1000 test images, ours 1000 drawn
evenly from the classes; their networks are the NCSNv2 authors' and RobustBench's
WRN-28-10, ours the two named above.
"""

from dataclasses import replace

from experiments.configs import cifar10_adp
from purifax.evaluation.settings import (
    Attack,
    Evaluation,
    Subjects,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    return replace(
        cifar10_adp.config(),
        images=Subjects(name="cifar10", count=1000),
        attacks=("apgd_held",),
        chunk=1,
        apgd_held=Attack(
            steps=10, step_size=2.0, eot=200, start="surface", loss="margin"
        ),
    )
