"""Evaluations of diffusion purifiers of CIFAR-10 with networks of the published size.

They are meant for GPUs and have not been run in this project. All need the network of
`cifar10_classifier`.
"""

from dataclasses import replace

from purifax.attack import APGD, PGD, AutoAttack, DiffAttack, SurrogatePGD
from purifax.evaluation.settings import Evaluation, Subjects
from purifax.purify import DiffPure, LeeKim


def diffpure() -> Evaluation:
    """DiffPure on CIFAR-10 as published: the reverse SDE from time 0.1, 100 steps.

        python -m experiments.evaluate --config=cifar10_diffpure

    It needs the network of `cifar10_ddpmpp`. An answer takes one purification sample,
    as published; the published figure under BPDA alone pools 150. The other forms of
    the paper are `cifar10_diffpure_ode` and `cifar10_diffpure_ddpm`; under L2 0.5 they
    start from time 0.075 (`--config.threat=L2 --config.radius=0.5
    --config.purifier.time=0.075`).

    Published at Linf 8/255 with a WRN-28-10: 89.02% clean, 70.64% under AutoAttack
    through an adjoint gradient (Nie et al. 2022), which is not the gradient of the
    program; 48.28% under Lee and Kim's attack, 46.88% under DiffAttack, 48.05% under
    the exact gradient of DiffBreak (256 images).

    Source: Nie et al. 2022, arXiv 2205.07460, and its released code; the numbers under
    attacks as DiffBreak gives them (2025).
    """
    return Evaluation(
        images=Subjects(name="cifar10", count=512),
        score="runs/cifar10_ddpmpp",
        classifier="runs/cifar10_classifier",
        purifier=DiffPure(
            process="VP", steps=100, last_time=1e-5, sampler="sde_in_time", time=0.1
        ),
        samples=1,
        radius=8 / 255,
        attacks={
            "blind": PGD(gradient="blind"),
            "bpda": PGD(steps=50, start="image", eot=15, gradient="bpda"),
            "exact": PGD(steps=200, step_size=0.007 * 255 / 8, start="image", eot=20),
            "apgd": APGD(loss="margin", eot=10),
            "autoattack_rand": AutoAttack(version="rand"),
            "deviate": DiffAttack(steps=100, eot=10),
        },
        keys=10,
        chunk=1,
    )


def diffpure_ode() -> Evaluation:
    """DiffPure's probability-flow ODE on CIFAR-10: noise, then a deterministic path.

        python -m experiments.evaluate --config=cifar10_diffpure_ode

    Euler's method takes 100 even steps of time from where `cifar10_diffpure` starts.
    Network and attacks are the same. `--config.purifier.sampler=dpm_solver
    --config.purifier.steps=10` needs a tenth of the calls.

    Source: Nie et al. 2022, arXiv 2205.07460, and its released code.
    """
    return replace(
        diffpure(),
        purifier=DiffPure(
            process="VP", steps=100, last_time=1e-5, sampler="euler", time=0.1
        ),
    )


def diffpure_ddpm() -> Evaluation:
    """DiffPure by DDPM's chain on CIFAR-10: 100 labels down, ancestral sampling.

        python -m experiments.evaluate --config=cifar10_diffpure_ddpm

    It needs the network of `cifar10_ddpm`; the attacks are those of `cifar10_diffpure`.
    `--config.purifier.sampler=ddim --config.purifier.steps=5` is the short
    deterministic form that later papers attack and defend with. The estimate of the
    clean image is not clipped at every step, unlike in DDPM's own code.

    Published with a WRN-28-10 at Linf 8/255: 87.5% clean, 75.00% under BPDA, 54.69%
    under DiffAttack on 64 images (Kang et al. 2023).

    Source: Ho et al. 2020, arXiv 2006.11239; Kang, Song and Li 2023, arXiv 2311.16124.
    """
    return replace(
        diffpure(),
        score="runs/cifar10_ddpm",
        purifier=DiffPure(steps=100, sampler="ancestral", variance="small", time=99),
    )


def lee_kim() -> Evaluation:
    """Gradual noise on CIFAR-10 (Lee and Kim): eight rounds of DDPM, a vote of ten.

        python -m experiments.evaluate --config=cifar10_lee_kim

    It needs the network of `cifar10_ddpm`. Four rounds go over 30 labels, two over 50
    and two over 125, all labels of each: 470 calls of the network for one purification
    sample. Their attack is `surrogate_steps`: 200 steps of 0.007 with 20 EOT samples,
    through a purifier whose longest round has 5 steps (theirs have 1, 1 and 5; here the
    rounds over 50 have 2), one purification sample at a time.

    Their table is known to this project only at second hand, so it is not quoted.

    Source: Lee and Kim 2023, arXiv 2303.09051, section 5, and its released code.
    """
    return Evaluation(
        images=Subjects(name="cifar10", count=512),
        score="runs/cifar10_ddpm",
        classifier="runs/cifar10_classifier",
        purifier=LeeKim(variance="small", times=(29, 49, 124)),
        pooling="vote",
        radius=8 / 255,
        attacks={
            "blind": PGD(gradient="blind"),
            "bpda": PGD(
                steps=50,
                step_size=0.007 * 255 / 8,
                start="image",
                eot=20,
                gradient="bpda",
            ),
            "surrogate_steps": SurrogatePGD(
                steps=200, step_size=0.007 * 255 / 8, start="image", eot=20, shorter=5
            ),
            "exact": PGD(steps=200, step_size=0.007 * 255 / 8, start="image", eot=20),
        },
        keys=5,
        chunk=1,
    )


def dds() -> Evaluation:
    """One-shot denoising on CIFAR-10: noise 0.25 and one call of a diffusion model.

        python -m experiments.evaluate --config=cifar10_dds

    It needs the network of `cifar10_ddpm`. The purifier of denoised smoothing is
    attacked here, in the L2 ball of 0.5 where it is certified; the certificate is
    `experiments.certify --config=cifar10_certify --config.score=runs/cifar10_ddpm`. The
    noised image is denoised once and not clipped before. Every answer is the vote of
    100 purification samples, where the certificate takes 100,000.

    Source: Carlini et al. 2023, arXiv 2206.10550.
    """
    return Evaluation(
        images=Subjects(name="cifar10", count=512),
        score="runs/cifar10_ddpm",
        classifier="runs/cifar10_classifier",
        purifier=DiffPure(
            steps=1, spacing="linear", sampler="ddim", eta=0.0, sigma=0.25
        ),
        samples=100,
        pooling="vote",
        threat="L2",
        radius=0.5,
        attacks={
            "blind": PGD(gradient="blind"),
            "bpda": PGD(steps=100, start="image", eot=20, gradient="bpda"),
            "exact": PGD(steps=100, start="image", eot=20),
        },
        keys=5,
        chunk=8,
    )
