"""Diffusion model of MNIST (28x28): DDPM's chain, EDM's loss, a small network.

python -m experiments.train --config=mnist_ddpm --data_dir=DIR
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
        data=Data(name="mnist"),
        net=ScoreNet(name="SmallScore", fold=2, widths=(32, 64), blocks=1),
        diffusion=Diffusion(process="linear", objective="edm"),
        optim=Optim(learning_rate=2e-3, schedule="cosine", ema=0.995),
        train=Train(steps=4000, batch=64, validate_every=1000, save_every=500),
        drawing=Drawing(images=36, sampler="ancestral", steps=200),
    )
