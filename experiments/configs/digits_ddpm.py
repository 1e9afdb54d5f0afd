"""Diffusion model of scikit-learn's digits (8x8): DDPM's chain and loss, small network.

python -m experiments.train --config=digits_ddpm
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
        data=Data(name="digits"),
        net=ScoreNet(name="SmallScore", fold=2, widths=(64,), blocks=2),
        diffusion=Diffusion(process="linear", objective="edm"),
        optim=Optim(learning_rate=4e-3, schedule="cosine", ema=0.99),
        train=Train(steps=1600, batch=64, validate_every=400, save_every=400),
        drawing=Drawing(images=36, sampler="ancestral", steps=100),
    )
