"""Energies of CIFAR-10, trained by maximum likelihood."""

from experiments.training import published
from experiments.training.config import Data, EnergyNet, Optim, Train
from experiments.training.config_energy import Chains, EnergyTraining, Strip, Switch


def ebm() -> EnergyTraining:
    """Energy of CIFAR-10 as PureEBM and PureGen released it: mid-run, SNGAN-like.

        python -m experiments.train --config=cifar10_ebm

    The recipe: 65,520 updates of 128 images with 100 Langevin steps, epsilon 0.0125 in
    images from -1 to 1 and temperature 1e-4, from a bank of 10,112 noised images of
    which one in twenty begins afresh; Adam 1e-4, a tenth of it after 40, 75 and 100 of
    120 epochs; no average of the weights; 1,053,824 parameters. Differences: PureGen
    trains on the part of CINIC-10 that comes from ImageNet, and a tenth of the images
    is held out.

    It has not been run in this project, and is meant for accelerators: 21 TFLOP an
    update.

    Source: Bhat et al. 2024, arXiv 2405.18627, and its code; Pooladzandi et al. 2024,
    arXiv 2405.19376.
    """
    every = {"validate_every": 2000, "save_every": 1000}
    return published.puregen_ebm(Data(name="cifar10"), **every)


def ebm_longrun() -> EnergyTraining:
    """Energy of CIFAR-10 as in Stochastic Security: long-run, convergent, lightweight.

        python -m experiments.train --config=cifar10_ebm_longrun

    The recipe: 250,000 updates of 100 images with 100 Langevin steps, epsilon 0.01 in
    images from -1 to 1, from a bank of uniform noise with a chain for each training
    image, none begun afresh; Adam 1e-4 for half of the run and then SGD, by which the
    energy becomes convergent; data noise 0.02; 693,569 parameters. Difference: a tenth
    of the images is held out, so there are 45,000 chains and not 50,000.

    It has not been run in this project, and is meant for an accelerator: 1.6 TFLOP an
    update.

    Source: Hill, Mitchell and Zhu 2021, arXiv 2005.13525, and its code.
    """
    return EnergyTraining(
        data=Data(name="cifar10"),
        net=EnergyNet(name="LightEnergy"),
        chains=Chains(preset="stochastic_security"),
        optim=Optim(learning_rate=1e-4, ema=0.0),
        switch=Switch(at=0.5, learning_rate=5e-5),
        train=Train(steps=250_000, batch=100, validate_every=5000, save_every=2000),
        strip=Strip(at=(0, 100, 1000, 10_000, 100_000)),
    )


def ebm_small() -> EnergyTraining:
    """Energy of CIFAR-10 for a CPU: a small network and chains of 40 steps.

        python -m experiments.train --config=cifar10_ebm_small

    Measured (seed 0, jax 0.10.2): 40 minutes of CPU time, two hours beside other work.
    In the last 100 updates the energy gap is 79 nats in size, of 3,072 values; held-out
    images lie 93 below the chains of the bank. It is a weak model: chains from data
    keep their image for some 100 steps, are blurred after 300 and patches after 3,000,
    and chains from uniform noise become patches of the same energy.
    """
    return EnergyTraining(
        data=Data(name="cifar10", flip=True),
        net=EnergyNet(name="SmallEnergy", fold=4, widths=(64,), hidden=64),
        chains=Chains(
            epsilon=0.01, temperature=1e-3, steps=40, bank=5000, data_noise=0.02
        ),
        optim=Optim(learning_rate=5e-4, schedule="cosine", warmup=100, ema=0.99),
        train=Train(steps=2500, batch=64, validate_every=250, save_every=250),
        strip=Strip(at=(0, 100, 300, 1000, 3000)),
    )
