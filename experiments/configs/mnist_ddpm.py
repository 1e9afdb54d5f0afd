"""Diffusion model of MNIST (28x28): DDPM's chain, EDM's loss, a small network.

    python -m experiments.train --config=mnist_ddpm --data_dir=DIR

`digits_ddpm` says why the loss is EDM's. Measured (seed 0, jax 0.10.2): some ten
minutes of one CPU core (an hour on a core shared with many); loss 72.95 on the 6,000
validation images. It denoises as `mnist_dsm` does: mean squared errors at sigma 0.1,
0.3 and 1 are 0.0010, 0.0047 and 0.0273 (0.0009, 0.0047 and 0.0296 there). Of its
samples, in 200 ancestral steps, about half are digits; the others are strokes.
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
        data=Data(name="mnist"),
        net=ScoreNet(name="SmallScore", fold=2, widths=(32, 64), blocks=1),
        diffusion=Diffusion(process="linear", objective="edm"),
        optim=Optim(learning_rate=2e-3, schedule="cosine", ema=0.995),
        train=Train(steps=4000, batch=64, validate_every=1000, save_every=500),
        drawing=Drawing(images=36, sampler="ancestral", steps=200),
    )
