"""CIFAR-10 diffusion model of DiffPure: DDPM++, deep and in continuous time.

    python -m experiments.train --config=cifar10_ddpmpp --data_dir=DIR

106.6 million parameters. The recipe: noise prediction at uniform times of the variance
preserving process (betas from 0.1 to 20), Adam 2e-4 after 5,000 steps of warm-up, batch
128, 950,001 steps, dropout 0.1, flips, gradients clipped to norm 1, averaged weights
0.9999. Difference: a stratified tenth of the training images is held out.

For several GPUs; not run here.

Source: Song et al. 2021, arXiv 2011.13456, appendix H; Nie et al. 2022, arXiv
2205.07460 (which uses their checkpoint).
"""

from experiments.training.config import (
    Data,
    Diffusion,
    DiffusionTraining,
    Drawing,
    Optim,
    ScoreNet,
    Train,
)

__all__ = ["config"]


def config() -> DiffusionTraining:
    """The config; see the module's docstring."""
    return DiffusionTraining(
        data=Data(name="cifar10", flip=True),
        net=ScoreNet(name="DDPMpp", blocks=8),
        diffusion=Diffusion(process="VP", objective="continuous", label_scale=999.0),
        optim=Optim(learning_rate=2e-4, warmup=5000, clip=1.0, ema=0.9999),
        train=Train(
            steps=950_001,
            batch=128,
            validate_every=5000,
            save_every=5000,
            validate_images=1024,
        ),
        drawing=Drawing(sampler="ancestral", steps=1000),
    )
