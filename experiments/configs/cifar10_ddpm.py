"""CIFAR-10 diffusion model as Ho et al. published it (35.7 million parameters).

    python -m experiments.train --config=cifar10_ddpm --data_dir=DIR

The recipe: noise prediction over 1000 labels with betas from 1e-4 to 0.02, Adam 2e-4
after 5,000 steps of warm-up, batch 128, 800,000 steps, dropout 0.1, flips, gradients
clipped to norm 1, averaged weights 0.9999. Difference: a stratified tenth of the
training images is held out for validation.

For a GPU; not run here. `cifar10_ddpm_small` is for a CPU.

Source: Ho, Jain and Abbeel 2020, arXiv 2006.11239, appendix B.
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
        net=ScoreNet(name="UNet2D", dropout=0.1),
        diffusion=Diffusion(process="linear", objective="simple"),
        optim=Optim(learning_rate=2e-4, warmup=5000, clip=1.0, ema=0.9999),
        train=Train(
            steps=800_000,
            batch=128,
            validate_every=5000,
            save_every=5000,
            validate_images=1024,
        ),
        drawing=Drawing(sampler="ancestral", steps=1000),
    )
