"""Networks of MNIST (28x28). Measured with seed 0 and jax 0.10.2."""

from experiments.training import config
from experiments.training.config_energy import Chains, EnergyTraining, Strip

_UNET = config.ScoreNet("SmallScore", fold=2, widths=(32, 64), blocks=1)


def dsm() -> config.ScoreTraining:
    """Score network for MNIST (28x28): a small UNet, any noise in [0.05, 1].
    python -m experiments.train --config=mnist_dsm
    264 s on 2 busy CPU cores; loss 26.95 on the 6,000 validation images (392 for a
    network whose output is zero); 152,164 parameters."""
    return config.ScoreTraining(
        data=config.Data("mnist"),
        net=_UNET,
        noise=config.Noise("continuous", smallest=0.05, largest=1.0),
        optim=config.Optim(learning_rate=2e-3, schedule="cosine", ema=0.99),
        train=config.Train(3000, batch=64, validate_every=500, save_every=500),
        sample=config.Sample(largest=1.0, smallest=0.05, levels=80, rate=1.5e-4),
    )


def ddpm() -> config.DiffusionTraining:
    """Diffusion model of MNIST (28x28): DDPM's chain, EDM's loss, a small network.
    python -m experiments.train --config=mnist_ddpm
    `digits_ddpm` says why the loss is EDM's. Some ten minutes of one CPU core (an hour
    on a core shared with many); loss 72.95 on the 6,000 validation images. It denoises
    as `mnist_dsm` does: mean squared errors at sigma 0.1, 0.3 and 1 are 0.0010, 0.0047
    and 0.0273 (0.0009, 0.0047 and 0.0296 there). Of its samples, in 200 ancestral
    steps, about half are digits; the others are strokes."""
    return config.DiffusionTraining(
        data=config.Data("mnist"),
        net=_UNET,
        diffusion=config.Diffusion("linear", objective="edm"),
        optim=config.Optim(learning_rate=2e-3, schedule="cosine", ema=0.995),
        train=config.Train(4000, batch=64, validate_every=1000, save_every=500),
        drawing=config.Drawing(images=36, sampler="ancestral", steps=200),
    )


def ebm() -> EnergyTraining:
    """Energy of MNIST (28x28), by Langevin chains from a bank of data.
    python -m experiments.train --config=mnist_ebm
    2 to 2.8 updates a second on two CPU cores, 10 minutes (36 beside other work). In
    the last 100 updates the energy gap is 16 nats in size on average, of 784 pixels;
    held-out digits lie 16 below the chains of the bank. The chains are mid-run: from
    data they stay digits for 3,000 steps, with mean energies -1323 after 100 and -1356
    at the end, and from uniform noise they reach no digits, at -284."""
    chains = {"epsilon": 0.03, "temperature": 1e-2, "steps": 40, "data_noise": 0.05}
    return EnergyTraining(
        data=config.Data("mnist"),
        net=config.EnergyNet("SmallEnergy", fold=4, widths=(48,), hidden=64),
        chains=Chains(bank=5000, **chains),
        optim=config.Optim(learning_rate=1e-3, schedule="cosine", warmup=50, ema=0.99),
        train=config.Train(1500, batch=64, validate_every=250, save_every=125),
        strip=Strip(at=(0, 100, 300, 1000, 3000)),
    )


def classifier() -> config.ClassifierTraining:
    """Classifier for MNIST (28x28): a small convolutional network.
    python -m experiments.train --config=mnist_classifier
    28 s on 2 busy CPU cores; 98.5 of 5,000 test and 98.7 of 6,000 validation images."""
    return config.ClassifierTraining(
        data=config.Data("mnist"),
        net=config.ClassifierNet("SmallCNN", widths=(32, 64), hidden=128, fold=2),
        optim=config.Optim(learning_rate=1e-3, schedule="cosine", ema=0.0),
        train=config.Train(2000, batch=128, validate_every=500, save_every=500),
    )
