"""CIFAR-10 diffusion model as PureGen trains it: labels below 250 alone.

    python -m experiments.train --config=cifar10_puregen_ddpm --data_dir=DIR

The recipe: the UNet of diffusers' tutorial (113,673,219 parameters), DDPM's 1000 labels
and betas, of which the loss draws 0 to 249; AdamW 1e-4 with weight decay 0.01 and 500
steps of warm-up before a cosine; 40,950 steps of 256 images; no average of the weights,
no clipping, no flips. Differences: PureGen trains on the part of CINIC-10 that comes
from ImageNet, attends with heads of 8 channels, starts its time features with cosines,
and holds nothing out. The picture of samples is no picture: it begins at label 999.

For a GPU; not run here.

Source: Bhat et al. 2024, arXiv 2405.18627, and its code.
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
        data=Data(name="cifar10"),
        net=ScoreNet(
            name="UNet2D", widths=(128, 128, 256, 256, 512, 512), attention=(4,)
        ),
        diffusion=Diffusion(process="linear", objective="simple", labels=250),
        optim=Optim(
            name="adamw",
            learning_rate=1e-4,
            weight_decay=0.01,
            schedule="cosine",
            warmup=500,
            ema=0.0,
        ),
        train=Train(
            steps=40_950,
            batch=256,
            validate_every=2000,
            save_every=1000,
            validate_images=1024,
        ),
        drawing=Drawing(sampler="ancestral", steps=1000),
    )
