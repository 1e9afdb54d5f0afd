"""CIFAR-10 diffusion model of Karras et al.: a preconditioned denoiser (EDM).

    python -m experiments.train --config=cifar10_edm --data_dir=DIR

55.7 million parameters. The recipe: EDM's loss, Adam 1e-3 after a warm-up over 10
million images, batch 512, 200 million images, dropout 0.13, flips, weights averaged
with a half-life of 500,000 images. Differences: no further augmentation, a constant
decay of the average from the start, and a stratified tenth of the training images is
held out.

For several GPUs; not run here.

Source: Karras et al. 2022, arXiv 2206.00364, table 1 and appendix F.
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
        net=ScoreNet(name="SongUNet"),
        diffusion=Diffusion(process="EDM", objective="edm"),
        optim=Optim(learning_rate=1e-3, warmup=19_531, ema=0.99929),
        train=Train(
            steps=390_625,
            batch=512,
            validate_every=5000,
            save_every=5000,
            validate_images=1024,
        ),
        drawing=Drawing(sampler="heun", steps=18),
    )
