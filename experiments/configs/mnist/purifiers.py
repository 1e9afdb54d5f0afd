"""Evaluations of purifiers of MNIST (28x28) at Linf 0.2, with networks from a CPU.

Those of diffusion need the networks of `mnist_ddpm` and `mnist_classifier`. Where
accuracy on validation images is given, it is on 96 of them with one purification sample
per answer, clean and under blind PGD; the bare classifier has 99.0% and 0.0% there.
"""

from dataclasses import replace

from purifax import purify
from purifax.attack import PGD
from purifax.evaluation.settings import Evaluation, Subjects


def diffpure() -> Evaluation:
    """DiffPure on MNIST at Linf 0.2: the diffusion model's chain, five steps.

        python -m experiments.evaluate --config=mnist_diffpure

    The noise was chosen on 64 validation images among 0.3, 0.4, 0.5 and 0.65, with a
    network whose training had not ended, 3 purification samples and 10 steps of the
    exact gradient with 3 EOT samples: 0.3 and 0.4 do alike (96.9% clean, 68.8%
    attacked), 0.65 does worse (89.1% and 59.4%).
    """
    return Evaluation(
        images=Subjects(name="mnist", count=512),
        score="runs/mnist_ddpm",
        classifier="runs/mnist_classifier",
        purifier=purify.DiffPure(
            steps=5, sampler="ancestral", variance="small", sigma=0.3
        ),
        samples=5,
        radius=0.2,
        attacks={
            "blind": PGD(gradient="blind"),
            "bpda": PGD(steps=20, eot=5, gradient="bpda"),
            "exact": PGD(steps=20, eot=5),
        },
        keys=3,
        chunk=32,
    )


def diffpure_ddim() -> Evaluation:
    """DDIM on MNIST at Linf 0.2: noise once, then a deterministic path.

        python -m experiments.evaluate --config=mnist_diffpure_ddim

    Noise, steps, images and attacks are those of `diffpure`.
    """
    return replace(
        diffpure(),
        purifier=purify.DiffPure(steps=5, sampler="ddim", eta=0.0, sigma=0.3),
    )


def diffpure_ode() -> Evaluation:
    """The probability-flow ODE on MNIST at Linf 0.2, five steps of DPM-Solver++.

        python -m experiments.evaluate --config=mnist_diffpure_ode

    Noise, images and attacks are those of `diffpure`; no other settings were tried.
    """
    return replace(
        diffpure(), purifier=purify.DiffPure(steps=5, sampler="dpm_solver", sigma=0.3)
    )


def diffpure_sde() -> Evaluation:
    """DiffPure's SDE on MNIST at Linf 0.2: Euler-Maruyama.

        python -m experiments.evaluate --config=mnist_diffpure_sde

    Noise, steps, images and attacks are those of `diffpure`.
    """
    return replace(diffpure(), purifier=purify.DiffPure(steps=5, sigma=0.3))


def dds() -> Evaluation:
    """One-shot denoising on MNIST at Linf 0.2.

        python -m experiments.evaluate --config=mnist_dds

    On 64 validation images at noise 0.4, with a network whose training had not ended, 3
    purification samples and 10 steps of the exact gradient with 3 EOT samples: 96.9%
    clean and 64.1% attacked. Images and attacks are those of `diffpure`.
    """
    return replace(
        diffpure(),
        purifier=purify.DiffPure(steps=1, sampler="ddim", eta=0.0, sigma=0.4),
    )


def lee_kim() -> Evaluation:
    """Gradual noise on MNIST at Linf 0.2: three rounds of DDPM's chain.

        python -m experiments.evaluate --config=mnist_lee_kim

    Images and attacks are those of `diffpure`; no other settings were tried.
    """
    return replace(
        diffpure(),
        purifier=purify.LeeKim(
            steps=5, variance="small", sigmas=(0.1, 0.3), repeats=(2, 1)
        ),
        pooling="vote",
    )


def adp() -> Evaluation:
    """ADP on MNIST at Linf 0.2, from one CPU.

        python -m experiments.evaluate --config=mnist_adp

    It needs the networks of `mnist_dsm` and `mnist_classifier`. Noise, level and rate
    were chosen on 96 validation images among three settings, one of which does as well.
    Measured on 300 test images in 19 minutes on 2 busy cores: bare 99.3% clean, 0.0%
    [0.0, 1.3] under its own PGD; defended 97.6% [95.1, 98.8] clean, 79.8% [74.9, 83.9]
    blind, 75.6% [70.4, 80.1] BPDA+EOT and 68.3% [62.9, 73.3] under the exact gradient
    (20 steps, 5 EOT samples).
    """
    return replace(
        diffpure(),
        images=Subjects(name="mnist", count=300),
        score="runs/mnist_dsm",
        purifier=purify.ADP(level=0.4, steps=5, rate=0.4, sigma=0.3),
        chunk=50,
    )


def gdmp() -> Evaluation:
    """GDMP on MNIST at Linf 0.2: one guided round of 15 steps.

        python -m experiments.evaluate --config=mnist_gdmp

    Strength and steps were chosen on validation images: 99.0% clean and 83.3% attacked;
    with a strength of 5,000 97.9% and 79.2%; with 15,000 in 30 steps 99.0% and 68.8%,
    in 15 steps 88.5% and 15.6%, and in 10 steps, where it diverges, 9.4% and 9.4%.
    Images and attacks are those of `diffpure`.
    """
    return replace(
        diffpure(),
        purifier=purify.GDMP(
            steps=15, time=150, strength=2000.0, variance="large", against=0.15
        ),
        pooling="logits",
    )


def gdmp_ssim() -> Evaluation:
    """GDMP guided by SSIM on MNIST at Linf 0.2.

        python -m experiments.evaluate --config=mnist_gdmp_ssim

    Everything but the distance is as in `gdmp`. The strength was chosen on validation
    images: 97.9% clean and 81.2% attacked; with 1,500 97.9% and 78.1%, with 5,000 91.7%
    and 55.2%.
    """
    return replace(
        diffpure(),
        purifier=purify.GDMP(
            steps=15,
            time=150,
            strength=500.0,
            variance="large",
            distance="ssim",
            against=0.15,
        ),
        pooling="logits",
    )


def mimic() -> Evaluation:
    """MimicDiffusion on MNIST at Linf 0.2: from pure noise to the input.

        python -m experiments.evaluate --config=mnist_mimic

    The numbers are those of `digits_mimic`, in proportion to the size of the images.
    Validation: 97.9% clean, 67.7% attacked; in 20 steps 92.7% and 67.7%. Only `bpda`
    has a gradient to follow. Images and attacks are those of `diffpure`.
    """
    return replace(
        diffpure(), purifier=purify.Mimic(steps=50, time=990, strength=120.0)
    )


def likelihood() -> Evaluation:
    """Likelihood maximisation (LM) on MNIST at Linf 0.2.

        python -m experiments.evaluate --config=mnist_likelihood

    The numbers are those of `digits_likelihood`. Validation: 99.0% clean, 92.7%
    attacked. Images and attacks are those of `diffpure`.
    """
    return replace(diffpure(), purifier=purify.LM(spread=0.05))


def scoreopt() -> Evaluation:
    """ScoreOpt-N on MNIST at Linf 0.2.

        python -m experiments.evaluate --config=mnist_scoreopt

    The numbers are those of `digits_scoreopt`. Validation: 97.9% clean, 76.0% attacked.
    Images and attacks are those of `diffpure`.
    """
    return replace(
        diffpure(), purifier=purify.ScoreOpt(sigma=0.125, objective="noised")
    )


def ebm_langevin() -> Evaluation:
    """Langevin purification of MNIST by an energy at Linf 0.2: a hundred steps.

        python -m experiments.evaluate --config=mnist_ebm_langevin

    It needs the networks of `mnist_ebm` and `mnist_classifier`. Nothing was tuned.
    Measured on 512 test images (seed 0, 2 keys, blind PGD with 20 steps, the others
    with 10 steps and 3 EOT samples) in seven minutes on two CPU cores: bare 98.8% clean
    and 0.0% [0.0, 0.7] under its own PGD; defended 96.9% [95.0, 98.1] clean, 74.8%
    [70.9, 78.4] blind, 68.2% [64.0, 72.1] BPDA+EOT and 46.1% [41.8, 50.4] under the
    exact gradient: BPDA overestimates by 22.1 points [19.0, 25.3].
    """
    return replace(
        diffpure(),
        score="runs/mnist_ebm",
        purifier=purify.Langevin(steps=100, epsilon=0.03),
        pooling="logits",
    )


def jpeg() -> Evaluation:
    """JPEG of quality 25 on MNIST at Linf 0.2: a baseline without a network.

        python -m experiments.evaluate --config=mnist_jpeg

    Only `bpda` has a gradient to follow. Validation: 99.0% clean, 5.2% attacked. Images
    and attacks are those of `diffpure`.
    """
    return replace(diffpure(), score="", purifier=purify.JPEG(quality=25), samples=1)


def bit_depth() -> Evaluation:
    """Values rounded to 1 bit on MNIST at Linf 0.2: a baseline without a network.

        python -m experiments.evaluate --config=mnist_bit_depth

    Only `bpda` has a gradient to follow. Validation: 97.9% clean, 83.3% attacked.
    Images and attacks are those of `diffpure`.
    """
    return replace(diffpure(), score="", purifier=purify.BitDepth(bits=1), samples=1)
