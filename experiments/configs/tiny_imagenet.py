"""Configs of Tiny-ImageNet (64x64x3)."""

from experiments.training import config


def dsm() -> config.ScoreTraining:
    """Tiny-ImageNet score network (64x64): NCSNv2 as published for ADP.
    python -m experiments.train --config=tiny_imagenet_dsm
    A stratified tenth is held out; the published code holds out the last twenty
    classes. Not run here; for an accelerator: 79 GFLOP an image and evaluation.
    Source: Yoon et al. 2021, arXiv 2106.06041; Song & Ermon 2020, arXiv 2006.09011."""
    every = {"validate_every": 5000, "save_every": 5000, "validate_images": 1024}
    return config.ScoreTraining(
        data=config.Data("tiny_imagenet", flip=True),
        net=config.ScoreNet("NCSNv2", width=128),
        noise=config.Noise("ladder", smallest=0.01, largest=90.0, levels=500),
        optim=config.Optim("adam", learning_rate=1e-4, ema=0.999),
        train=config.Train(840_001, batch=32, **every),
        sample=config.Sample(largest=90.0, smallest=0.01, levels=500, rate=3.3e-6),
    )
