"""CIFAR-10 score network for a CPU: a small UNet, any noise in [0.02, 1].

    python -m experiments.train --config=cifar10_dsm_small --data_dir=DIR

@cifar10_dsm_small@
"""

from experiments.lib.config import (
    Data,
    Noise,
    Optim,
    ScoreNet,
    ScoreTraining,
    Train,
)

__all__ = ["config"]


def config() -> ScoreTraining:
    """The config; see the module's docstring."""
    return ScoreTraining(
        data=Data(name="cifar10", flip=True),
        net=ScoreNet(name="SmallScore"),
        noise=Noise(law="continuous", smallest=0.02, largest=1.0),
        optim=Optim(learning_rate=1e-3, schedule="cosine", warmup=200),
        train=Train(steps=8000, batch=64, save_every=500, validate_images=512),
    )
