"""Diffusion model of CIFAR-10 for a CPU: DDPM's chain, EDM's loss, a small network.

    python -m experiments.train --config=cifar10_ddpm_small --data_dir=DIR

`digits_ddpm` says why the loss is EDM's. At 2.1 steps a second on one CPU core (jax
0.10.2) it takes 40 minutes; it has not been trained to its end here.
"""

from experiments.lib.config import (
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
        net=ScoreNet(name="SmallScore"),
        diffusion=Diffusion(process="linear", objective="edm"),
        optim=Optim(learning_rate=2e-3, schedule="cosine", warmup=200),
        train=Train(steps=5000, batch=64, save_every=500, validate_images=512),
        drawing=Drawing(images=36, sampler="ancestral", steps=200),
    )
