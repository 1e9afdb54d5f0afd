"""Score networks, diffusion models and energies of CIFAR-10.

Names that end in `_small` are networks for a CPU, measured with seed 0 and jax 0.10.2;
the others have the published size. A tenth of each class is held out for validation,
which is a difference from every published recipe.
"""

from dataclasses import replace

from experiments.training import config, published
from experiments.training.config_energy import Chains, EnergyTraining, Strip, Switch

_EVERY = {"validate_every": 5000, "save_every": 5000, "validate_images": 1024}


def dsm() -> config.ScoreTraining:
    """CIFAR-10 score network: NCSNv2 as published for ADP (29.7 million parameters).
    python -m experiments.train --config=cifar10_dsm
    Differences: the averaged weights are used (the published code uses the last ones,
    and trains on the first 90% of the file). Not trained to its end here; for an
    accelerator: 59 GFLOP an image and step. To see it run, stop and resume on a CPU (8
    steps of 4 images took 8 minutes on one busy core), add `--workdir=DIR
    --config.train.steps=8 --config.train.batch=4 --config.train.save_every=4
    --config.data.validation=0.0002 --config.sample.images=0`.
    Source: Yoon et al. 2021, arXiv 2106.06041; Song & Ermon 2020, arXiv 2006.09011."""
    return config.ScoreTraining(
        data=config.Data("cifar10", flip=True),
        net=config.ScoreNet("NCSNv2", width=128),
        noise=config.Noise("ladder", smallest=0.01, largest=50.0, levels=232),
        optim=config.Optim("adam", learning_rate=1e-4, ema=0.999),
        train=config.Train(300_001, batch=128, **_EVERY),
        sample=config.Sample(largest=50.0, smallest=0.01, levels=232, rate=6.2e-6),
    )


def dsm_small() -> config.ScoreTraining:
    """CIFAR-10 score network for a CPU: a small UNet, any noise in [0.02, 1].
    python -m experiments.train --config=cifar10_dsm_small
    77 minutes on one shared CPU core; loss 248.6 on the 5,000 validation images (output
    zero: 1,536). It is good enough to denoise; its samples are not images."""
    return config.ScoreTraining(
        data=config.Data("cifar10", flip=True),
        net=config.ScoreNet("SmallScore"),
        noise=config.Noise("continuous", smallest=0.02, largest=1.0),
        optim=config.Optim(learning_rate=1e-3, schedule="cosine", warmup=200),
        train=config.Train(8000, batch=64, save_every=500, validate_images=512),
    )


def ddpm() -> config.DiffusionTraining:
    """CIFAR-10 diffusion model as Ho et al. published it (35.7 million parameters).
    python -m experiments.train --config=cifar10_ddpm
    Published: gradients clipped to norm 1 of the mean over the 3,072 values, which is
    1,536 of half their sum, the loss here. Not run here; for a GPU.
    Source: Ho, Jain and Abbeel 2020, arXiv 2006.11239, appendix B."""
    return config.DiffusionTraining(
        data=config.Data("cifar10", flip=True),
        net=config.ScoreNet("UNet2D", dropout=0.1),
        diffusion=config.Diffusion("linear", objective="simple"),
        optim=config.Optim(learning_rate=2e-4, warmup=5000, clip=1536.0, ema=0.9999),
        train=config.Train(800_000, batch=128, **_EVERY),
        drawing=config.Drawing(sampler="ancestral", steps=1000),
    )


def ddpm_small() -> config.DiffusionTraining:
    """Diffusion model of CIFAR-10 for a CPU: DDPM's chain, EDM's loss, a small network.
    python -m experiments.train --config=cifar10_ddpm_small
    `digits_ddpm` says why the loss is EDM's. 63 minutes on two shared CPU cores, and
    5.6 steps a second (a quarter of an hour in all) while they were free; loss 362.0 on
    the 5,000 validation images. It denoises well; its samples, in 200 ancestral steps,
    have CIFAR's colours and textures but few objects."""
    return config.DiffusionTraining(
        data=config.Data("cifar10", flip=True),
        net=config.ScoreNet("SmallScore"),
        diffusion=config.Diffusion("linear", objective="edm"),
        optim=config.Optim(learning_rate=2e-3, schedule="cosine", warmup=200),
        train=config.Train(5000, batch=64, save_every=500, validate_images=512),
        drawing=config.Drawing(images=36, sampler="ancestral", steps=200),
    )


def ddpmpp() -> config.DiffusionTraining:
    """CIFAR-10 diffusion model of DiffPure: DDPM++, deep and in continuous time.
    python -m experiments.train --config=cifar10_ddpmpp
    106.6 million parameters; betas from 0.1 to 20. Difference: the average of the
    weights has no warm-up; theirs has a decay of (1 + n) / (10 + n) at first. Not run
    here; for several GPUs.
    Source: Song et al. 2021, arXiv 2011.13456, appendix H; Nie et al. 2022, arXiv
    2205.07460 (which uses their checkpoint)."""
    return replace(
        ddpm(),
        net=config.ScoreNet("DDPMpp", blocks=8),
        diffusion=config.Diffusion("VP", objective="continuous", label_scale=999.0),
        train=config.Train(950_001, batch=128, **_EVERY),
    )


def edm() -> config.DiffusionTraining:
    """CIFAR-10 diffusion model of Karras et al.: a preconditioned denoiser (EDM).
    python -m experiments.train --config=cifar10_edm
    55.7 million parameters, dropout 0.13. Published: a warm-up over 10 million images
    of 200 million, and weights averaged with a half-life of 500,000. Differences: no
    more augmentation, a constant decay of the average. Not run here; for several GPUs.
    Source: Karras et al. 2022, arXiv 2206.00364, table 1 and appendix F."""
    return config.DiffusionTraining(
        data=config.Data("cifar10", flip=True),
        net=config.ScoreNet("SongUNet"),
        diffusion=config.Diffusion("EDM", objective="edm"),
        optim=config.Optim(learning_rate=1e-3, warmup=19_531, ema=0.99929),
        train=config.Train(390_625, batch=512, **_EVERY),
        drawing=config.Drawing(sampler="heun", steps=18),
    )


def eclipse_ddpm() -> config.DiffusionTraining:
    """Diffusion model of ECLIPSE: improved DDPM on 2,000 clean images of CIFAR-10.
    python -m experiments.train --config=cifar10_eclipse_ddpm
    52.5 million parameters. Batch, learning rate and dropout are not published; they
    are those of improved DDPM for CIFAR-10 (128, Adam 1e-4, 0.3). Difference: the 2,000
    are training images (all but 4% of them are held out), where the paper takes test
    images. Not run here; for a GPU.
    Source: Wang et al. 2024, arXiv 2406.15093, and its released configuration; Nichol
    and Dhariwal 2021, arXiv 2102.09672."""
    return published.eclipse_ddpm(config.Data("cifar10", validation=0.96), **_EVERY)


def puregen_ddpm() -> config.DiffusionTraining:
    """CIFAR-10 diffusion model as PureGen trains it: on labels below 250 alone.
    python -m experiments.train --config=cifar10_puregen_ddpm
    113,673,219 parameters. Differences: PureGen trains on the part of CINIC-10 that is
    from ImageNet, attends with heads of 8 channels and starts its time features with
    cosines. Samples show nothing, for they begin at label 999. Not run here; for a GPU.
    Source: Bhat et al. 2024, arXiv 2405.18627, and its code."""
    every = {"validate_every": 2000, "save_every": 1000, "validate_images": 1024}
    return published.puregen_ddpm(config.Data("cifar10"), **every)


def ebm() -> EnergyTraining:
    """Energy of CIFAR-10 as PureEBM and PureGen released it: mid-run, SNGAN-like.
    python -m experiments.train --config=cifar10_ebm
    1,053,824 parameters. Difference: PureGen trains on the part of CINIC-10 that comes
    from ImageNet. Not run here; for accelerators: 21 TFLOP an update.
    Source: Bhat et al. 2024, arXiv 2405.18627, and its code; Pooladzandi et al. 2024,
    arXiv 2405.19376."""
    every = {"validate_every": 2000, "save_every": 1000}
    return published.puregen_ebm(config.Data("cifar10"), **every)


def ebm_longrun() -> EnergyTraining:
    """Energy of CIFAR-10 as in Stochastic Security: long-run, convergent, lightweight.
    python -m experiments.train --config=cifar10_ebm_longrun
    693,569 parameters; SGD makes the energy convergent. Difference: the bank has 45,000
    chains and not 50,000. Not run here; for an accelerator: 1.6 TFLOP an update.
    Source: Hill, Mitchell and Zhu 2021, arXiv 2005.13525, and its code."""
    return EnergyTraining(
        data=config.Data("cifar10"),
        net=config.EnergyNet("LightEnergy"),
        chains=Chains(preset="stochastic_security"),
        optim=config.Optim(learning_rate=1e-4, ema=0.0),
        switch=Switch(at=0.5, learning_rate=5e-5),
        train=config.Train(250_000, batch=100, validate_every=5000, save_every=2000),
        strip=Strip(at=(0, 100, 1000, 10_000, 100_000)),
    )


def ebm_small() -> EnergyTraining:
    """Energy of CIFAR-10 for a CPU: a small network and chains of 40 steps.
    python -m experiments.train --config=cifar10_ebm_small
    40 minutes of CPU time, two hours beside other work. In the last 100 updates the
    energy gap is 79 nats in size, of 3,072 values; held-out images lie 93 below the
    chains of the bank. It is a weak model: chains from data keep their image for some
    100 steps, are blurred after 300 and patches after 3,000, and chains from uniform
    noise become patches of the same energy."""
    chains = {"epsilon": 0.01, "temperature": 1e-3, "steps": 40, "data_noise": 0.02}
    return EnergyTraining(
        data=config.Data("cifar10", flip=True),
        net=config.EnergyNet("SmallEnergy", fold=4, widths=(64,), hidden=64),
        chains=Chains(bank=5000, **chains),
        optim=config.Optim(learning_rate=5e-4, schedule="cosine", warmup=100, ema=0.99),
        train=config.Train(2500, batch=64, validate_every=250, save_every=250),
        strip=Strip(at=(0, 100, 300, 1000, 3000)),
    )
