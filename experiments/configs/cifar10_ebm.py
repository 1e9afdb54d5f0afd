"""Energy of CIFAR-10 as PureEBM and PureGen released it: mid-run, SNGAN-like.

    python -m experiments.train --config=cifar10_ebm --data_dir=DIR

The recipe: 65,520 updates of 128 images with 100 Langevin steps, epsilon 0.0125 in
images from -1 to 1 and temperature 1e-4, from a bank of 10,112 noised images of which
one in twenty begins afresh; Adam 1e-4, a tenth of it after 40, 75 and 100 of 120
epochs; no average of the weights; 1,053,824 parameters. Differences: PureGen trains on
the part of CINIC-10 that comes from ImageNet, and a tenth of the images is held out.

It has not been run here, and is meant for accelerators: 21 TFLOP an update.

Source: Bhat et al. 2024, arXiv 2405.18627, and its code; Pooladzandi et al. 2024, arXiv
2405.19376.
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
)

__all__ = ["config"]


def config() -> EnergyTraining:
    """The config; see the module's docstring."""
    return EnergyTraining(
        data=Data(name="cifar10"),
        net=EnergyNet(name="SNGANEnergy"),
        chains=Chains(preset="pureebm_code"),
        optim=Optim(
            learning_rate=1e-4,
            schedule="drops",
            drops=(40 / 120, 75 / 120, 100 / 120),
            factor=0.1,
            ema=0.0,
        ),
        train=Train(steps=65_520, batch=128, validate_every=2000, save_every=1000),
    )
