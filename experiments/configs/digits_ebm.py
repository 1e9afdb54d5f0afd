"""Energy of scikit-learn's digits (8x8), by Langevin chains from a bank of data.

python -m experiments.train --config=digits_ebm
"""

from experiments.lib.config import (
    Chains,
    Data,
    EnergyNet,
    EnergyTraining,
    Optim,
    Train,
)

__all__ = ["config"]


def config() -> EnergyTraining:
    """The config; see the module's docstring."""
    return EnergyTraining(
        data=Data(name="digits"),
        net=EnergyNet(name="SmallEnergy", fold=2, widths=(48,), hidden=64),
        chains=Chains(
            epsilon=0.02,
            temperature=1e-2,
            steps=40,
            bank=1000,
            data_noise=0.03,
        ),
        optim=Optim(learning_rate=1e-3, schedule="cosine", warmup=50, ema=0.99),
        train=Train(steps=1500, batch=64, validate_every=100, save_every=100),
    )
