"""Configs of Tiny-ImageNet (64x64x3)."""

from experiments.training.config import (
    Data,
    Noise,
    Optim,
    Sample,
    ScoreNet,
    ScoreTraining,
    Train,
)


def dsm() -> ScoreTraining:
    """Tiny-ImageNet score network (64x64): NCSNv2 as published for ADP.

        python -m experiments.train --config=tiny_imagenet_dsm

    The recipe: 500 noise levels in geometric progression from 90 to 0.01, Adam 1e-4,
    batch 32, 840,001 steps, flips, averaged weights 0.999. The validation images are a
    stratified tenth; the published code leaves out the last twenty classes instead. It
    has not been run in this project, and is meant for an accelerator: 79 GFLOP an image
    and evaluation.

    Source: Yoon et al. 2021, arXiv 2106.06041; Song & Ermon 2020, arXiv 2006.09011.
    """
    return ScoreTraining(
        data=Data(name="tiny_imagenet", flip=True),
        net=ScoreNet(name="NCSNv2", width=128),
        noise=Noise(law="ladder", largest=90.0, smallest=0.01, levels=500),
        optim=Optim(name="adam", learning_rate=1e-4, ema=0.999),
        train=Train(
            steps=840_001,
            batch=32,
            validate_every=5000,
            save_every=5000,
            validate_images=1024,
        ),
        sample=Sample(largest=90.0, smallest=0.01, levels=500, rate=3.3e-6),
    )
