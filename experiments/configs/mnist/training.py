"""Networks of MNIST (28x28)."""

from experiments.training.config import (
    ClassifierNet,
    ClassifierTraining,
    Data,
    Diffusion,
    DiffusionTraining,
    Drawing,
    EnergyNet,
    Noise,
    Optim,
    Sample,
    ScoreNet,
    ScoreTraining,
    Train,
)
from experiments.training.config_energy import Chains, EnergyTraining, Strip


def dsm() -> ScoreTraining:
    """Score network for MNIST (28x28): a small UNet, any noise in [0.05, 1].

        python -m experiments.train --config=mnist_dsm

    Measured (seed 0, jax 0.10.2): 264 seconds on 2 busy CPU cores; loss 26.95 on the
    6,000 validation images (392 for a network whose output is zero); 152,164
    parameters.
    """
    return ScoreTraining(
        data=Data(name="mnist"),
        net=ScoreNet(name="SmallScore", fold=2, widths=(32, 64), blocks=1),
        noise=Noise(law="continuous", smallest=0.05, largest=1.0),
        optim=Optim(learning_rate=2e-3, schedule="cosine", ema=0.99),
        train=Train(steps=3000, batch=64, validate_every=500, save_every=500),
        sample=Sample(largest=1.0, smallest=0.05, levels=80, rate=1.5e-4),
    )


def ddpm() -> DiffusionTraining:
    """Diffusion model of MNIST (28x28): DDPM's chain, EDM's loss, a small network.

        python -m experiments.train --config=mnist_ddpm

    `digits_ddpm` says why the loss is EDM's. Measured (seed 0, jax 0.10.2): some ten
    minutes of one CPU core (an hour on a core shared with many); loss 72.95 on the
    6,000 validation images. It denoises as `mnist_dsm` does: mean squared errors at
    sigma 0.1, 0.3 and 1 are 0.0010, 0.0047 and 0.0273 (0.0009, 0.0047 and 0.0296
    there). Of its samples, in 200 ancestral steps, about half are digits; the others
    are strokes.
    """
    return DiffusionTraining(
        data=Data(name="mnist"),
        net=ScoreNet(name="SmallScore", fold=2, widths=(32, 64), blocks=1),
        diffusion=Diffusion(process="linear", objective="edm"),
        optim=Optim(learning_rate=2e-3, schedule="cosine", ema=0.995),
        train=Train(steps=4000, batch=64, validate_every=1000, save_every=500),
        drawing=Drawing(images=36, sampler="ancestral", steps=200),
    )


def ebm() -> EnergyTraining:
    """Energy of MNIST (28x28), by Langevin chains from a bank of data.

        python -m experiments.train --config=mnist_ebm

    Measured (seed 0, jax 0.10.2): 2 to 2.8 updates a second on two CPU cores, 10
    minutes (36 beside other work). In the last 100 updates the energy gap is 16 nats in
    size on average, of 784 pixels; held-out digits lie 16 below the chains of the bank.
    The chains are mid-run: from data they stay digits for 3,000 steps, with mean
    energies -1323 after 100 and -1356 at the end, and from uniform noise they reach no
    digits, at -284.
    """
    return EnergyTraining(
        data=Data(name="mnist"),
        net=EnergyNet(name="SmallEnergy", fold=4, widths=(48,), hidden=64),
        chains=Chains(
            epsilon=0.03, temperature=1e-2, steps=40, bank=5000, data_noise=0.05
        ),
        optim=Optim(learning_rate=1e-3, schedule="cosine", warmup=50, ema=0.99),
        train=Train(steps=1500, batch=64, validate_every=250, save_every=125),
        strip=Strip(at=(0, 100, 300, 1000, 3000)),
    )


def classifier() -> ClassifierTraining:
    """Classifier for MNIST (28x28): a small convolutional network.

        python -m experiments.train --config=mnist_classifier

    Measured (seed 0, jax 0.10.2): 28 seconds on 2 busy CPU cores; 98.5% of 5,000 test
    images (98.7% of 6,000 validation images).
    """
    return ClassifierTraining(
        data=Data(name="mnist"),
        net=ClassifierNet(name="SmallCNN", widths=(32, 64), hidden=128, fold=2),
        optim=Optim(learning_rate=1e-3, schedule="cosine", ema=0.0),
        train=Train(steps=2000, batch=128, validate_every=500, save_every=500),
    )
