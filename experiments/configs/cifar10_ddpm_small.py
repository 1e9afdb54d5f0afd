"""Diffusion model of CIFAR-10 for a CPU: DDPM's chain, EDM's loss, a small network.

    python -m experiments.train --config=cifar10_ddpm_small --data_dir=DIR

`digits_ddpm` says why the loss is EDM's. Measured (seed 0, jax 0.10.2): 63 minutes on
two CPU cores that other work held as well, 5.6 steps a second (a quarter of an hour in
all) while they were free; loss 362.0 on the 5,000 validation images. It denoises well;
its samples, in 200 ancestral steps, have CIFAR's colours and textures but few objects.
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
        net=ScoreNet(name="SmallScore"),
        diffusion=Diffusion(process="linear", objective="edm"),
        optim=Optim(learning_rate=2e-3, schedule="cosine", warmup=200),
        train=Train(steps=5000, batch=64, save_every=500, validate_images=512),
        drawing=Drawing(images=36, sampler="ancestral", steps=200),
    )
