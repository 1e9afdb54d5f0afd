"""Energy of MNIST (28x28), by Langevin chains from a bank of data.

    python -m experiments.train --config=mnist_ebm --data_dir=DIR

Not run to its end here. 0.55 seconds of processor time an update, so the 1,500 take
about 14 minutes of it; in the first 279 the energy gap swung by 20 on average.
"""

from experiments.lib.config import (
    Chains,
    Data,
    EnergyNet,
    EnergyTraining,
    Optim,
    Strip,
    Train,
)

__all__ = ["config"]


def config() -> EnergyTraining:
    """The config; see the module's docstring."""
    return EnergyTraining(
        data=Data(name="mnist"),
        net=EnergyNet(name="SmallEnergy", fold=4, widths=(48,), hidden=64),
        chains=Chains(
            epsilon=0.03,
            temperature=1e-2,
            steps=40,
            bank=5000,
            data_noise=0.05,
        ),
        optim=Optim(learning_rate=1e-3, schedule="cosine", warmup=50, ema=0.99),
        train=Train(steps=1500, batch=64, validate_every=250, save_every=125),
        strip=Strip(at=(0, 100, 300, 1000, 3000)),
    )
