"""Networks of scikit-learn's digits (8x8). Measured with seed 0 and jax 0.10.2."""

from dataclasses import replace

from experiments.training import config
from experiments.training.config_energy import Chains, EnergyTraining

_UNET = config.ScoreNet("SmallScore", fold=2, widths=(64,), blocks=2)
_OPTIM = config.Optim(learning_rate=4e-3, schedule="cosine", ema=0.99)


def dsm() -> config.ScoreTraining:
    """Score network for scikit-learn's digits (8x8): a small UNet, noise in [0.05, 1].
    python -m experiments.train --config=digits_dsm
    `experiments.quickstart` trains it. 29 s of steps on 2 CPU cores; loss 7.51 on the
    130 validation images (output zero: 32)."""
    return config.ScoreTraining(
        data=config.Data("digits"),
        net=_UNET,
        noise=config.Noise("continuous", smallest=0.05, largest=1.0),
        optim=_OPTIM,
        train=config.Train(1600, batch=64, validate_every=300, save_every=300),
        sample=config.Sample(largest=1.0, smallest=0.05, levels=40, rate=2.5e-4),
    )


def ddpm() -> config.DiffusionTraining:
    """Diffusion model of scikit-learn's digits (8x8): DDPM's chain and a small network.
    python -m experiments.train --config=digits_ddpm
    DDPM's 1000 labels with betas from 1e-4 to 0.02; EDM's law draws the noise levels of
    the loss. That denoises better than DDPM's uniform labels at every level from 0.05
    to 1: mean squared errors on the 130 validation images at sigma 0.2 are 0.0092 with
    "edm", 0.0099 with "simple", 0.0097 with "min_snr"
    (`--config.diffusion.objective=...`), and 0.0094 with `digits_dsm`. 36 s of steps on
    one CPU core; loss 15.13 on the validation images; samples in 100 ancestral steps
    look like digits."""
    return config.DiffusionTraining(
        data=config.Data("digits"),
        net=_UNET,
        diffusion=config.Diffusion("linear", objective="edm"),
        optim=_OPTIM,
        train=config.Train(1600, batch=64, validate_every=400, save_every=400),
        drawing=config.Drawing(images=36, sampler="ancestral", steps=100),
    )


def ebm() -> EnergyTraining:
    """Energy of scikit-learn's digits (8x8), by Langevin chains from a bank of data.
    python -m experiments.train --config=digits_ebm
    92,625 parameters. 87 s of steps on two CPU cores. In the last 100 updates the
    energy gap is 1.9 in size on average; held-out digits lie 3.8 above the chains of
    the bank, which look like digits. After 10,000 steps, chains from uniform noise have
    a mean energy of -181 and chains from data -183, and both look like digits; held-out
    data with the noise of training are at -175."""
    chains = {"epsilon": 0.02, "temperature": 1e-2, "steps": 40, "data_noise": 0.03}
    return EnergyTraining(
        data=config.Data("digits"),
        net=config.EnergyNet("SmallEnergy", fold=2, widths=(48,), hidden=64),
        chains=Chains(bank=1000, **chains),
        optim=config.Optim(learning_rate=1e-3, schedule="cosine", warmup=50, ema=0.99),
        train=config.Train(1500, batch=64, validate_every=100, save_every=100),
    )


def ebm_dsm() -> config.ScoreTraining:
    """Energy of scikit-learn's digits (8x8) by score matching: a score by its slope.
    python -m experiments.train --config=digits_ebm_dsm
    The network of `digits_dsm` is told the noise level; this one sees the image alone.
    228 s on two shared cores; loss 8.09 on the 130 validation images (7.51 with
    `digits_dsm`, 32 for a zero output); 207,553 parameters. Its samples by annealed
    Langevin look like digits."""
    net = config.ScoreNet("SmallEnergy", fold=2, widths=(64,), hidden=128)
    return replace(dsm(), net=net)


def classifier() -> config.ClassifierTraining:
    """Classifier for scikit-learn's digits (8x8): a small convolutional network.
    python -m experiments.train --config=digits_classifier
    `experiments.quickstart` trains it. 5 s of steps on 2 CPU cores; 98.8 of the 500
    test images and 98.5 of the 130 validation images."""
    return config.ClassifierTraining(
        data=config.Data("digits"),
        net=config.ClassifierNet("SmallCNN", widths=(32, 64), hidden=128),
        optim=config.Optim(learning_rate=2e-3, schedule="cosine", ema=0.0),
        train=config.Train(600, batch=128, validate_every=100, save_every=100),
    )
