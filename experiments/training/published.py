"""Trainings of published networks that configs and grids share, each declared once.

Each takes the images to learn from, and how often the run is validated and saved.
"""

from experiments.training.config import (
    Data,
    Diffusion,
    DiffusionTraining,
    Drawing,
    EnergyNet,
    Optim,
    ScoreNet,
    Train,
)
from experiments.training.config_energy import Chains, EnergyTraining

__all__ = ["eclipse_ddpm", "puregen_ddpm", "puregen_ebm"]


def eclipse_ddpm(data: Data, **every: int) -> DiffusionTraining:
    """ECLIPSE's diffusion: improved DDPM by the hybrid objective, 250,000 steps.

    Source: Wang et al. 2024, arXiv 2406.15093, and its released configuration; batch,
    learning rate and dropout, which are not published, are those of improved DDPM.
    """
    return DiffusionTraining(
        data=data,
        net=ScoreNet(name="OpenAIUNet", dropout=0.3),
        diffusion=Diffusion(
            process="cosine", length=4000, objective="hybrid", label_scale=0.25
        ),
        optim=Optim(learning_rate=1e-4, ema=0.9999),
        train=Train(steps=250_000, batch=128, **every),
        drawing=Drawing(sampler="ancestral", steps=250),
    )


def puregen_ddpm(data: Data, **every: int) -> DiffusionTraining:
    """PureGen's diffusion: the tutorial UNet of diffusers, labels below 250 alone.

    Source: Bhat et al. 2024, arXiv 2405.18627, and its code.
    """
    return DiffusionTraining(
        data=data,
        net=ScoreNet(
            name="UNet2D", widths=(128, 128, 256, 256, 512, 512), attention=(4,)
        ),
        diffusion=Diffusion(process="linear", objective="simple", labels=250),
        optim=Optim(
            name="adamw",
            learning_rate=1e-4,
            weight_decay=0.01,
            schedule="cosine",
            warmup=500,
            ema=0.0,
        ),
        train=Train(steps=40_950, batch=256, **every),
        drawing=Drawing(sampler="ancestral", steps=1000),
    )


def puregen_ebm(data: Data, **every: int) -> EnergyTraining:
    """The energy of PureEBM and PureGen: mid-run chains, SNGAN-like.

    Source: Pooladzandi et al. 2024, arXiv 2405.19376; Bhat et al. 2024, arXiv
    2405.18627, and its code.
    """
    return EnergyTraining(
        data=data,
        net=EnergyNet(name="SNGANEnergy"),
        chains=Chains(preset="pureebm_code"),
        optim=Optim(
            learning_rate=1e-4,
            schedule="drops",
            drops=(40 / 120, 75 / 120, 100 / 120),
            factor=0.1,
            ema=0.0,
        ),
        train=Train(steps=65_520, batch=128, **every),
    )
