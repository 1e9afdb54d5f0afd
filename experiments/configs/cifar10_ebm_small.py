"""Energy of CIFAR-10 for a CPU: a small network and chains of 40 steps.

    python -m experiments.train --config=cifar10_ebm_small --data_dir=DIR

Measured (seed 0, jax 0.10.2): 40 minutes of CPU time, two hours beside other work. In
the last 100 updates the energy gap is 79 nats in size, of 3,072 values; held-out
images lie 93 below the chains of the bank. It is a weak model: chains from data keep
their image for some 100 steps, are blurred after 300 and patches after 3,000, and
chains from uniform noise become patches of the same energy.
"""

from experiments.training.config import (
    Data,
    EnergyNet,
    Optim,
    Train,
)
from experiments.training.config_energy import (
    Chains,
    EnergyTraining,
    Strip,
)

__all__ = ["config"]


def config() -> EnergyTraining:
    """The config; see the module's docstring."""
    return EnergyTraining(
        data=Data(name="cifar10", flip=True),
        net=EnergyNet(name="SmallEnergy", fold=4, widths=(64,), hidden=64),
        chains=Chains(
            epsilon=0.01,
            temperature=1e-3,
            steps=40,
            bank=5000,
            data_noise=0.02,
        ),
        optim=Optim(learning_rate=5e-4, schedule="cosine", warmup=100, ema=0.99),
        train=Train(steps=2500, batch=64, validate_every=250, save_every=250),
        strip=Strip(at=(0, 100, 300, 1000, 3000)),
    )
