"""Energy of CIFAR-10 as in Stochastic Security: long-run, convergent, lightweight.

    python -m experiments.train --config=cifar10_ebm_longrun --data_dir=DIR

The recipe: 250,000 updates of 100 images with 100 Langevin steps, epsilon 0.01 in
images from -1 to 1, from a bank of uniform noise with a chain for each training image,
none begun afresh; Adam 1e-4 for half of the run and then SGD, by which the energy
becomes convergent; data noise 0.02; 693,569 parameters. Differences: a tenth of the
images is held out, so there are 45,000 chains and not 50,000.

It has not been run here, and is meant for an accelerator: 1.6 TFLOP an update.

Source: Hill, Mitchell and Zhu 2021, arXiv 2005.13525, and its code.
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
    Switch,
)

__all__ = ["config"]


def config() -> EnergyTraining:
    """The config; see the module's docstring."""
    return EnergyTraining(
        data=Data(name="cifar10"),
        net=EnergyNet(name="LightEnergy"),
        chains=Chains(preset="stochastic_security"),
        optim=Optim(learning_rate=1e-4, ema=0.0),
        switch=Switch(at=0.5, learning_rate=5e-5),
        train=Train(steps=250_000, batch=100, validate_every=5000, save_every=2000),
        strip=Strip(at=(0, 100, 1000, 10_000, 100_000)),
    )
