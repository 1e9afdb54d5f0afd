"""CIFAR-10 score network: NCSNv2 as published for ADP (29.7 million parameters).

    python -m experiments.train --config=cifar10_dsm --data_dir=DIR

The recipe: denoising score matching over 232 noise levels in geometric progression
from 50 to 0.01, Adam 1e-4, batch 128, 300,001 steps, flips, averaged weights 0.999.
Differences: validation images are a stratified tenth (the published code trains on the
first 90% of the file), and the averaged weights are used (it uses the last ones).

It has not been trained to its end here, and is meant for an accelerator: 59 GFLOP an
image and step. To see it run, stop and resume on a CPU (8 steps of 4 images took 8
minutes on one busy core):

    python -m experiments.train --config=cifar10_dsm --data_dir=DIR --workdir=DIR2
        --config.train.steps=8 --config.train.batch=4 --config.train.save_every=4
        --config.data.validation=0.0002 --config.sample.images=0

Source: Yoon et al. 2021, arXiv 2106.06041; Song & Ermon 2020, arXiv 2006.09011.
"""

from experiments.training.config import (
    Data,
    Noise,
    Optim,
    Sample,
    ScoreNet,
    ScoreTraining,
    Train,
)

__all__ = ["config"]


def config() -> ScoreTraining:
    """The config; see the module's docstring."""
    return ScoreTraining(
        data=Data(name="cifar10", flip=True),
        net=ScoreNet(name="NCSNv2", width=128),
        noise=Noise(law="ladder", largest=50.0, smallest=0.01, levels=232),
        optim=Optim(name="adam", learning_rate=1e-4, ema=0.999),
        train=Train(
            steps=300_001,
            batch=128,
            validate_every=5000,
            save_every=5000,
            validate_images=1024,
        ),
        sample=Sample(largest=50.0, smallest=0.01, levels=232, rate=6.2e-6),
    )
