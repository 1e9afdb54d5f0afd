"""Score network for scikit-learn's digits (8x8): a small UNet, any noise in [0.05, 1].

    python -m experiments.train --config=digits_dsm

@digits_dsm@
"""

from experiments.lib.config import (
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
        optim=Optim(learning_rate=2e-3, schedule="cosine", ema=0.99),
        train=Train(steps=1000, batch=128, validate_every=250, save_every=250),
        sample=Sample(largest=1.0, smallest=0.05, levels=40, rate=2.5e-4),
    )
