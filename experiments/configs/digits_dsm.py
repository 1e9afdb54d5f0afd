"""Score network for scikit-learn's digits (8x8): a small UNet, any noise in [0.05, 1].

    python -m experiments.train --config=digits_dsm

Part of `experiments.quickstart`. Measured (seed 0, jax 0.10.2): 29 seconds of
steps on 2 CPU cores; loss 7.51 on the 130 validation images (32 for a network that says
nothing).
"""

from experiments.training.config import (
    Data,
    Noise,
    Optim,
    Sample,
    ScoreNet,
    ScoreTraining,
    Train,
)

__all__ = ["config"]


def config() -> ScoreTraining:
    """The config; see the module's docstring."""
    return ScoreTraining(
        data=Data(name="digits"),
        net=ScoreNet(name="SmallScore", fold=2, widths=(64,), blocks=2),
        noise=Noise(law="continuous", smallest=0.05, largest=1.0),
        optim=Optim(learning_rate=4e-3, schedule="cosine", ema=0.99),
        train=Train(steps=1600, batch=64, validate_every=300, save_every=300),
        sample=Sample(largest=1.0, smallest=0.05, levels=40, rate=2.5e-4),
    )
