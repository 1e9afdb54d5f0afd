"""Diffusion model of ECLIPSE: improved DDPM on 2,000 clean images of CIFAR-10.

    python -m experiments.train --config=cifar10_eclipse_ddpm --data_dir=DIR

52.5 million parameters. The recipe: 4000 cosine steps told as a quarter of their label,
learned variances by the hybrid objective, 250,000 steps, averaged weights 0.9999; the
batch, the learning rate and the dropout are not published, and are those of improved
DDPM for CIFAR-10 (128, Adam 1e-4, 0.3). Difference: the 2,000 are training images (all
but 4% of them are held out), where the paper takes test images.

For a GPU; not run here.

Source: Wang et al. 2024, arXiv 2406.15093, and its released configuration; Nichol and
Dhariwal 2021, arXiv 2102.09672.
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
        data=Data(name="cifar10", validation=0.96),
        net=ScoreNet(name="OpenAIUNet", dropout=0.3),
        diffusion=Diffusion(
            process="cosine", length=4000, objective="hybrid", label_scale=0.25
        ),
        optim=Optim(learning_rate=1e-4, ema=0.9999),
        train=Train(
            steps=250_000,
            batch=128,
            validate_every=5000,
            save_every=5000,
            validate_images=1024,
        ),
        drawing=Drawing(sampler="ancestral", steps=250),
    )
