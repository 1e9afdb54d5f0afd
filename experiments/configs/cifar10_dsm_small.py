"""CIFAR-10 score network for a CPU: a small UNet, any noise in [0.02, 1].

    python -m experiments.train --config=cifar10_dsm_small --data_dir=DIR

Measured (seed 0, jax 0.10.2): 8,000 steps on one shared CPU core in 77 minutes; loss
248.6 on the 5,000 validation images (1,536 for a network that says nothing). Good
enough to denoise; its samples are not images.
"""

from experiments.training.config import (
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
