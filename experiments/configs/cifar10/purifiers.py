"""Evaluations of purifiers of CIFAR-10 with networks of the published size.

They are meant for GPUs and have not been run in this project; numbers are published
ones at Linf 8/255. All need the network of `cifar10_classifier`. Those of diffusions
are in `diffpure`, those of energies in `langevin`.
"""

from dataclasses import replace

from purifax.attack import APGD, PGD, Joint, SignVote
from purifax.evaluation.settings import Evaluation, Subjects
from purifax.purify import ADP, GDMP, JPEG, LM, Mimic, ScoreOpt


def adp() -> Evaluation:
    """ADP on CIFAR-10 as published: NCSNv2, WRN-28-10, noise 0.25, 10 steps, 10 runs.

        python -m experiments.evaluate --config=cifar10_adp

    It needs the network of `cifar10_dsm`. The paper's BPDA protocol is `vote` (40
    steps, 15 EOT samples; also published with `--config.attacks.vote.steps=100`); Lee
    and Kim's is `exact` (200 steps of 0.007, 20 EOT samples, from the image).
    Published: 86.14% clean and 70.01% under BPDA+EOT (Yoon et al. 2021), about 33%
    under exact-gradient attacks (Croce et al. 2022: 33.7 +- 0.5 on 1000 images).
    """
    return Evaluation(
        images=Subjects(name="cifar10", count=512),
        score="runs/cifar10_dsm",
        classifier="runs/cifar10_classifier",
        purifier=ADP(),
        radius=8 / 255,
        attacks={
            "blind": PGD(gradient="blind"),
            "vote": SignVote(),
            "bpda": PGD(start="image", eot=15, gradient="bpda"),
            "joint_score": Joint(),
            "joint_full": Joint(guide="full"),
            "exact": PGD(steps=200, step_size=0.007 * 255 / 8, start="image", eot=20),
        },
        keys=5,
        chunk=8,
    )


def croce() -> Evaluation:
    """ADP on CIFAR-10 as Croce et al. attacked it: the number that replaced 70%.

        python -m experiments.evaluate --config=cifar10_croce

    Networks and purifier are those of `adp`. The attack is APGD on the margin with 10
    iterations, 200 EOT samples and one random start, through every step of the purifier
    with its step sizes frozen (`apgd_held`). To add the same attack with the exact
    gradient: `--config.attacks=apgd_held,apgd --config.attacks.apgd.steps=10
    --config.attacks.apgd.eot=200 --config.attacks.apgd.loss=margin`. Every image is
    answered under 5 keys. The 200 samples go through together, so a GPU works on one
    image at a time.

    Published: 86.9 +- 0.4% clean, 33.7 +- 0.5% attacked (Croce et al. 2022, arXiv
    2202.13711, and its logs). They took the first 1000 test images, NCSNv2 of its
    authors and RobustBench's WRN-28-10; here 1000 images are drawn evenly from the
    classes.
    """
    return replace(
        adp(),
        images=Subjects(name="cifar10", count=1000),
        attacks={
            "apgd_held": APGD(steps=10, loss="margin", eot=200, gradient="frozen")
        },
        chunk=1,
    )


def c_adp() -> Evaluation:
    """ADP under a natural corruption of CIFAR-10-C: no attack, no added noise.

        python -m experiments.evaluate --config=cifar10_c_adp
            --config.images.name=cifar10_c:fog:3 --workdir=runs/fog_3

    Networks are those of `adp`; with `--config.score=runs/cifar10_dsm_small
    --config.classifier=runs/cifar10_classifier_small` it takes the small ones. Every
    corruption and severity (1 to 5) is an evaluation of its own. The purifier is
    deterministic here, as published; the published variant that adds noise where the
    score is long is `--config.purifier=detect --config.purifier.sigma=0.25
    --config.samples=10`.

    It takes 20 score evaluations an image. The corrupted images are not part of what is
    downloaded with CIFAR-10.
    """
    return Evaluation(
        images=Subjects(name="cifar10_c:gaussian_noise:5", count=1000),
        score="runs/cifar10_dsm",
        classifier="runs/cifar10_classifier",
        purifier=ADP(sigma=0.0),
        samples=1,
        attacks={},
        keys=1,
    )


def gdmp() -> Evaluation:
    """GDMP on CIFAR-10 as published: 4 rounds of 36 guided steps, 10 runs averaged.

        python -m experiments.evaluate --config=cifar10_gdmp

    It needs the network of `cifar10_ddpm`; an answer takes 1,440 passes of it. SSIM is
    `--config.purifier.distance=ssim`. Published (Wang et al. 2022): 93.5% clean, 90.1%
    blind, 79.8% under BPDA. Others found, under gradients of the purifier itself, 24.5%
    (surrogate PGD+EOT) and 19.5% (DiffGrad).
    """
    return Evaluation(
        images=Subjects(name="cifar10", count=512),
        score="runs/cifar10_ddpm",
        classifier="runs/cifar10_classifier",
        purifier=GDMP(steps=36, time=35, variance="large", repeats=4),
        pooling="logits",
        radius=8 / 255,
        attacks={
            "blind": PGD(gradient="blind"),
            "bpda": PGD(start="image", eot=15, gradient="bpda"),
            "exact": PGD(steps=200, step_size=0.007 * 255 / 8, start="image", eot=20),
        },
        keys=5,
        chunk=8,
    )


def mimic() -> Evaluation:
    """MimicDiffusion on CIFAR-10 as published: 100 steps from pure noise.

        python -m experiments.evaluate --config=cifar10_mimic

    Networks, images and attacks are those of `gdmp`. The input enters by signs alone,
    so `exact` has no gradient to follow, and `bpda` is the attack that counts.
    Published: 92.7% robust on average (Song et al. 2024), attacked through another
    purifier. DiffBreak finds 2.7% in the worst of ten runs and 25.8% by majority vote.
    """
    return replace(
        gdmp(), purifier=Mimic(steps=100, time=999), samples=1, pooling="probabilities"
    )


def likelihood() -> Evaluation:
    """Likelihood maximisation on CIFAR-10 as published: an EDM network, 5 Adam steps.

        python -m experiments.evaluate --config=cifar10_likelihood

    It needs the network of `cifar10_edm`; images and attacks are those of `gdmp`.
    Levels and step size are half the published ones, which are for images in [-1, 1].
    It is published together with a diffusion classifier and not with this one (Chen et
    al. 2024: 75.7%). The maximisation alone, attacked through itself, leaves 16.2% and
    8.0% by the two counts of DiffHammer.
    """
    return replace(
        gdmp(),
        score="runs/cifar10_edm",
        purifier=LM(spread=0.05),
        samples=1,
        pooling="probabilities",
    )


def scoreopt() -> Evaluation:
    """ScoreOpt-O on CIFAR-10 as published against adaptive attacks: 20 steps of Adam.

        python -m experiments.evaluate --config=cifar10_scoreopt

    It needs the network of `cifar10_edm`; images and attacks are those of `gdmp`.
    Levels and step sizes are half the published ones, which are for images in [-1, 1].
    ScoreOpt-N is `--config.purifier.objective=noised --config.purifier.sigma=0.125
    --config.purifier.steps=5`. Published under PGD+EOT, as quoted by others
    (WRN-28-10): 91.2% clean and 65.0% for O, 94.4% and 65.6% for N.
    """
    return replace(
        gdmp(),
        score="runs/cifar10_edm",
        purifier=ScoreOpt(steps=20, spread=0.05),
        samples=1,
        pooling="probabilities",
    )


def jpeg() -> Evaluation:
    """JPEG of quality 75 before a CIFAR-10 classifier: a baseline without a network.

        python -m experiments.evaluate --config=cifar10_jpeg

    Fewer grey levels are `--config.purifier=bit_depth`. Rounding has no gradient,
    so `exact` stands still, and `bpda` is the attack that counts.
    """
    return replace(
        gdmp(), score="", purifier=JPEG(), samples=1, pooling="probabilities"
    )
