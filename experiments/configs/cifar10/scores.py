"""Score networks and diffusion models of CIFAR-10.

Names that end in `_small` are networks for a CPU; the others have the published size.
"""

from experiments.training import published
from experiments.training.config import (
    Data,
    Diffusion,
    DiffusionTraining,
    Drawing,
    Noise,
    Optim,
    Sample,
    ScoreNet,
    ScoreTraining,
    Train,
)

_EVERY = {"validate_every": 5000, "save_every": 5000, "validate_images": 1024}
"""How often a long run on an accelerator is validated and saved."""


def _train(steps: int, batch: int = 128) -> Train:
    return Train(steps=steps, batch=batch, **_EVERY)


def dsm() -> ScoreTraining:
    """CIFAR-10 score network: NCSNv2 as published for ADP (29.7 million parameters).

        python -m experiments.train --config=cifar10_dsm

    The recipe: denoising score matching over 232 noise levels in geometric progression
    from 50 to 0.01, Adam 1e-4, batch 128, 300,001 steps, flips, averaged weights 0.999.
    Differences: the validation images are a stratified tenth (the published code trains
    on the first 90% of the file), and the averaged weights are used (it uses the last
    ones).

    It has not been trained to its end in this project, and is meant for an accelerator:
    59 GFLOP an image and step. To see it run, stop and resume on a CPU (8 steps of 4
    images took 8 minutes on one busy core):

        python -m experiments.train --config=cifar10_dsm --workdir=DIR
            --config.train.steps=8 --config.train.batch=4 --config.train.save_every=4
            --config.data.validation=0.0002 --config.sample.images=0

    Source: Yoon et al. 2021, arXiv 2106.06041; Song & Ermon 2020, arXiv 2006.09011.
    """
    return ScoreTraining(
        data=Data(name="cifar10", flip=True),
        net=ScoreNet(name="NCSNv2", width=128),
        noise=Noise(law="ladder", largest=50.0, smallest=0.01, levels=232),
        optim=Optim(name="adam", learning_rate=1e-4, ema=0.999),
        train=_train(300_001),
        sample=Sample(largest=50.0, smallest=0.01, levels=232, rate=6.2e-6),
    )


def dsm_small() -> ScoreTraining:
    """CIFAR-10 score network for a CPU: a small UNet, any noise in [0.02, 1].

        python -m experiments.train --config=cifar10_dsm_small

    Measured (seed 0, jax 0.10.2): 8,000 steps on one shared CPU core in 77 minutes;
    loss 248.6 on the 5,000 validation images (1,536 for a network whose output is
    zero). It is good enough to denoise; its samples are not images.
    """
    return ScoreTraining(
        data=Data(name="cifar10", flip=True),
        net=ScoreNet(name="SmallScore"),
        noise=Noise(law="continuous", smallest=0.02, largest=1.0),
        optim=Optim(learning_rate=1e-3, schedule="cosine", warmup=200),
        train=Train(steps=8000, batch=64, save_every=500, validate_images=512),
    )


def ddpm() -> DiffusionTraining:
    """CIFAR-10 diffusion model as Ho et al. published it (35.7 million parameters).

        python -m experiments.train --config=cifar10_ddpm

    The recipe: noise prediction over 1000 labels with betas from 1e-4 to 0.02, Adam
    2e-4 after 5,000 steps of warm-up, batch 128, 800,000 steps, dropout 0.1, flips,
    gradients clipped to norm 1 of the mean over the 3,072 values, which is 1,536 of
    half their sum, the loss here; averaged weights 0.9999. Difference: a stratified
    tenth of the training images is held out for validation.

    It is meant for a GPU and has not been run in this project; `cifar10_ddpm_small` is
    for a CPU.

    Source: Ho, Jain and Abbeel 2020, arXiv 2006.11239, appendix B.
    """
    return DiffusionTraining(
        data=Data(name="cifar10", flip=True),
        net=ScoreNet(name="UNet2D", dropout=0.1),
        diffusion=Diffusion(process="linear", objective="simple"),
        optim=Optim(learning_rate=2e-4, warmup=5000, clip=1536.0, ema=0.9999),
        train=_train(800_000),
        drawing=Drawing(sampler="ancestral", steps=1000),
    )


def ddpm_small() -> DiffusionTraining:
    """Diffusion model of CIFAR-10 for a CPU: DDPM's chain, EDM's loss, a small network.

        python -m experiments.train --config=cifar10_ddpm_small

    `digits_ddpm` says why the loss is EDM's. Measured (seed 0, jax 0.10.2): 63 minutes
    on two shared CPU cores, and 5.6 steps a second (a quarter of an hour in all) while
    they were free; loss 362.0 on the 5,000 validation images. It denoises well; its
    samples, in 200 ancestral steps, have CIFAR's colours and textures but few objects.
    """
    return DiffusionTraining(
        data=Data(name="cifar10", flip=True),
        net=ScoreNet(name="SmallScore"),
        diffusion=Diffusion(process="linear", objective="edm"),
        optim=Optim(learning_rate=2e-3, schedule="cosine", warmup=200),
        train=Train(steps=5000, batch=64, save_every=500, validate_images=512),
        drawing=Drawing(images=36, sampler="ancestral", steps=200),
    )


def ddpmpp() -> DiffusionTraining:
    """CIFAR-10 diffusion model of DiffPure: DDPM++, deep and in continuous time.

        python -m experiments.train --config=cifar10_ddpmpp

    106.6 million parameters. The recipe: noise prediction at uniform times of the
    variance preserving process (betas from 0.1 to 20), Adam 2e-4 after 5,000 steps of
    warm-up, batch 128, 950,001 steps, dropout 0.1, flips, gradients clipped to norm 1
    of the mean over values (1,536 of half their sum), averaged weights 0.9999.
    Differences: a stratified tenth of the training images is held out, and the average
    has no warm-up, where theirs has a decay of (1 + n) / (10 + n) at first.

    It is meant for several GPUs and has not been run in this project.

    Source: Song et al. 2021, arXiv 2011.13456, appendix H; Nie et al. 2022, arXiv
    2205.07460 (which uses their checkpoint).
    """
    return DiffusionTraining(
        data=Data(name="cifar10", flip=True),
        net=ScoreNet(name="DDPMpp", blocks=8),
        diffusion=Diffusion(process="VP", objective="continuous", label_scale=999.0),
        optim=Optim(learning_rate=2e-4, warmup=5000, clip=1536.0, ema=0.9999),
        train=_train(950_001),
        drawing=Drawing(sampler="ancestral", steps=1000),
    )


def edm() -> DiffusionTraining:
    """CIFAR-10 diffusion model of Karras et al.: a preconditioned denoiser (EDM).

        python -m experiments.train --config=cifar10_edm

    55.7 million parameters. The recipe: EDM's loss, Adam 1e-3 after a warm-up over 10
    million images, batch 512, 200 million images, dropout 0.13, flips, weights averaged
    with a half-life of 500,000 images. Differences: no further augmentation, a constant
    decay of the average from the start, and a stratified tenth of the training images
    is held out.

    It is meant for several GPUs and has not been run in this project.

    Source: Karras et al. 2022, arXiv 2206.00364, table 1 and appendix F.
    """
    return DiffusionTraining(
        data=Data(name="cifar10", flip=True),
        net=ScoreNet(name="SongUNet"),
        diffusion=Diffusion(process="EDM", objective="edm"),
        optim=Optim(learning_rate=1e-3, warmup=19_531, ema=0.99929),
        train=_train(390_625, batch=512),
        drawing=Drawing(sampler="heun", steps=18),
    )


def eclipse_ddpm() -> DiffusionTraining:
    """Diffusion model of ECLIPSE: improved DDPM on 2,000 clean images of CIFAR-10.

        python -m experiments.train --config=cifar10_eclipse_ddpm

    52.5 million parameters. The recipe: 4000 cosine steps, of whose label the network
    is told a quarter, learned variances by the hybrid objective, 250,000 steps,
    averaged weights 0.9999. Batch, learning rate and dropout are not published; they
    are those of improved DDPM for CIFAR-10 (128, Adam 1e-4, 0.3). Difference: the 2,000
    are training images (all but 4% of them are held out), where the paper takes test
    images.

    It is meant for a GPU and has not been run in this project.

    Source: Wang et al. 2024, arXiv 2406.15093, and its released configuration; Nichol
    and Dhariwal 2021, arXiv 2102.09672.
    """
    return published.eclipse_ddpm(Data(name="cifar10", validation=0.96), **_EVERY)


def puregen_ddpm() -> DiffusionTraining:
    """CIFAR-10 diffusion model as PureGen trains it: on labels below 250 alone.

        python -m experiments.train --config=cifar10_puregen_ddpm

    The recipe: the UNet of diffusers' tutorial (113,673,219 parameters), DDPM's 1000
    labels and betas, of which the loss draws 0 to 249; AdamW 1e-4 with weight decay
    0.01 and 500 steps of warm-up before a cosine; 40,950 steps of 256 images; no
    average of the weights, no clipping, no flips. Differences: PureGen trains on the
    part of CINIC-10 that comes from ImageNet, attends with heads of 8 channels, starts
    its time features with cosines, and holds nothing out. The picture of samples shows
    none, because sampling begins at label 999.

    It is meant for a GPU and has not been run in this project.

    Source: Bhat et al. 2024, arXiv 2405.18627, and its code.
    """
    every = {"validate_every": 2000, "save_every": 1000, "validate_images": 1024}
    return published.puregen_ddpm(Data(name="cifar10"), **every)
