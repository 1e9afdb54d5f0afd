"""Evaluations of purifiers of CIFAR-10 with networks of the published size.

Not run here; for GPUs. Numbers are published ones, at Linf 8/255.
"""

from dataclasses import replace
from typing import Any

from experiments.certification.config import Certification
from purifax import attack, purify
from purifax.attack import APGD, PGD
from purifax.evaluation.settings import Evaluation, Subjects

_BLIND = PGD(gradient="blind")
_EXACT = PGD(steps=200, step_size=0.007 * 255 / 8, start="image", eot=20)
"""Lee and Kim's attack (2023, arXiv 2303.09051)."""


def adp() -> Evaluation:
    """ADP on CIFAR-10 as published: NCSNv2, WRN-28-10, noise 0.25, 10 steps, 10 runs.
    python -m experiments.evaluate --config=cifar10_adp
    The paper's BPDA protocol is `vote` (40 steps, 15 EOT samples; also published with
    `--config.attacks.vote.steps=100`); Lee and Kim's is `exact`. Published: 86.14 clean
    and 70.01 under BPDA+EOT (Yoon et al. 2021), about 33 under exact-gradient attacks
    (Croce et al. 2022: 33.7 +- 0.5 on 1000 images)."""
    return Evaluation(
        images=Subjects("cifar10", count=512),
        score="runs/cifar10_dsm",
        classifier="runs/cifar10_classifier",
        purifier=purify.ADP(),
        attacks={
            "blind": _BLIND,
            "vote": attack.SignVote(),
            "bpda": PGD(start="image", eot=15, gradient="bpda"),
            "joint_score": attack.Joint(),
            "joint_full": attack.Joint(guide="full"),
            "exact": _EXACT,
        },
        chunk=8,
    )


def croce() -> Evaluation:
    """ADP on CIFAR-10 as Croce et al. attacked it: the number that replaced 70%.
    python -m experiments.evaluate --config=cifar10_croce
    APGD goes through every step of the purifier with its step sizes frozen. To add the
    same attack with the exact gradient: `--config.attacks=apgd_held,apgd
    --config.attacks.apgd.steps=10 --config.attacks.apgd.eot=200
    --config.attacks.apgd.loss=margin`. A GPU takes one image with its 200 samples.
    Published: 86.9 +- 0.4 clean, 33.7 +- 0.5 attacked (Croce et al. 2022, arXiv
    2202.13711, and its logs), on the first 1000 test images, with NCSNv2 of its authors
    and RobustBench's WRN-28-10; here 1000 images are drawn evenly from the classes."""
    held = APGD(steps=10, loss="margin", eot=200, gradient="frozen")
    images = Subjects("cifar10", count=1000)
    return replace(adp(), images=images, attacks={"apgd_held": held}, chunk=1)


def c_adp() -> Evaluation:
    """ADP under a natural corruption of CIFAR-10-C: no attack, no added noise.
    python -m experiments.evaluate --config=cifar10_c_adp
        --config.images.name=cifar10_c:fog:3 --workdir=runs/fog_3
    `--config.score=runs/cifar10_dsm_small
    --config.classifier=runs/cifar10_classifier_small` takes the small networks. Every
    corruption and severity (1 to 5) is an evaluation of its own; the images do not come
    with CIFAR-10. 20 score evaluations an image. The purifier is deterministic, as
    published; a published variant adds noise where the score is long:
    `--config.purifier=detect --config.purifier.sigma=0.25 --config.samples=10`."""
    images = Subjects("cifar10_c:gaussian_noise:5", count=1000)
    alone = {"samples": 1, "attacks": {}, "keys": 1, "chunk": 64}
    return replace(adp(), images=images, purifier=purify.ADP(sigma=0.0), **alone)


def gdmp() -> Evaluation:
    """GDMP on CIFAR-10 as published: 4 rounds of 36 guided steps, 10 runs averaged.
    python -m experiments.evaluate --config=cifar10_gdmp
    1,440 network passes an answer. SSIM is `--config.purifier.distance=ssim`. Published
    (Wang et al. 2022): 93.5 clean, 90.1 blind, 79.8 under BPDA. Others found, under
    gradients of the purifier itself, 24.5 (surrogate PGD+EOT) and 19.5 (DiffGrad)."""
    bpda = PGD(start="image", eot=15, gradient="bpda")
    return replace(
        adp(),
        score="runs/cifar10_ddpm",
        purifier=purify.GDMP(steps=36, time=35, variance="large", repeats=4),
        pooling="logits",
        attacks={"blind": _BLIND, "bpda": bpda, "exact": _EXACT},
    )


def _once(purifier: Any, score: str = "runs/cifar10_edm") -> Evaluation:
    """All is as in `gdmp` but the purifier, which runs once an answer."""
    one = {"samples": 1, "pooling": "probabilities"}
    return replace(gdmp(), purifier=purifier, score=score, **one)


def mimic() -> Evaluation:
    """MimicDiffusion on CIFAR-10 as published: 100 steps from pure noise.
    python -m experiments.evaluate --config=cifar10_mimic
    The input enters by signs alone, so `exact` has no gradient to follow, and `bpda` is
    the attack that counts. Published: 92.7 robust on average (Song et al. 2024),
    attacked through another purifier. DiffBreak finds 2.7 in the worst of ten runs and
    25.8 by vote."""
    return _once(purify.Mimic(steps=100, time=999), score="runs/cifar10_ddpm")


def likelihood() -> Evaluation:
    """Likelihood maximisation on CIFAR-10 as published: an EDM network, 5 Adam steps.
    python -m experiments.evaluate --config=cifar10_likelihood
    Levels and step size are half the published ones, for images in [-1, 1]. It is
    published together with a diffusion classifier and not with this one (Chen et al.
    2024: 75.7). The maximisation alone, attacked through itself, leaves 16.2 and 8.0 by
    the two counts of DiffHammer."""
    return _once(purify.LM(spread=0.05))


def scoreopt() -> Evaluation:
    """ScoreOpt-O on CIFAR-10 as published against adaptive attacks: 20 steps of Adam.
    python -m experiments.evaluate --config=cifar10_scoreopt
    Levels and step sizes are half the published ones, for images in [-1, 1]. ScoreOpt-N
    is `--config.purifier.objective=noised --config.purifier.sigma=0.125
    --config.purifier.steps=5`. Published under PGD+EOT, as quoted by others
    (WRN-28-10): 91.2 clean and 65.0 for O, 94.4 and 65.6 for N."""
    return _once(purify.ScoreOpt(steps=20, spread=0.05))


def jpeg() -> Evaluation:
    """JPEG of quality 75 before a CIFAR-10 classifier: a baseline without a network.
    python -m experiments.evaluate --config=cifar10_jpeg
    Fewer grey levels are `--config.purifier=bit_depth`. Rounding has no gradient, so
    `exact` stands still, and `bpda` is the attack that counts."""
    return _once(purify.JPEG(), score="")


def diffpure() -> Evaluation:
    """DiffPure on CIFAR-10 as published: the reverse SDE from time 0.1, 100 steps.
    python -m experiments.evaluate --config=cifar10_diffpure
    One purification sample an answer, as published; the published figure under BPDA
    alone pools 150. Under L2 0.5 the paper starts from time 0.075 (`--config.threat=L2
    --config.radius=0.5 --config.purifier.time=0.075`). Published with a WRN-28-10:
    89.02 clean, 70.64 under AutoAttack through an adjoint gradient (Nie et al. 2022),
    which is not the gradient of the program; 48.28 under Lee and Kim's attack, 46.88
    under DiffAttack, 48.05 under the exact gradient of DiffBreak (256 images).
    Source: Nie et al. 2022, arXiv 2205.07460, and its released code; the numbers under
    attacks as DiffBreak gives them (2025)."""
    way = {"process": "VP", "steps": 100, "last_time": 1e-5, "time": 0.1}
    return replace(
        adp(),
        score="runs/cifar10_ddpmpp",
        purifier=purify.DiffPure(sampler="sde_in_time", **way),
        samples=1,
        attacks={
            "blind": _BLIND,
            "bpda": PGD(steps=50, start="image", eot=15, gradient="bpda"),
            "exact": _EXACT,
            "apgd": APGD(loss="margin", eot=10),
            "autoattack_rand": attack.AutoAttack(version="rand"),
            "deviate": attack.DiffAttack(steps=100, eot=10),
        },
        keys=10,
        chunk=1,
    )


def diffpure_ode() -> Evaluation:
    """DiffPure's probability-flow ODE on CIFAR-10: noise, then a deterministic path.
    python -m experiments.evaluate --config=cifar10_diffpure_ode
    Euler's method takes 100 even steps of time; all else is as in `cifar10_diffpure`. A
    tenth of the calls: `--config.purifier.sampler=dpm_solver
    --config.purifier.steps=10`.
    Source: Nie et al. 2022, arXiv 2205.07460, and its released code."""
    sde = diffpure()
    return replace(sde, purifier=replace(sde.purifier, sampler="euler"))


def diffpure_ddpm() -> Evaluation:
    """DiffPure by DDPM's chain on CIFAR-10: 100 labels down, ancestral sampling.
    python -m experiments.evaluate --config=cifar10_diffpure_ddpm
    Later papers attack and defend with the short deterministic form,
    `--config.purifier.sampler=ddim --config.purifier.steps=5`. The estimate of the
    clean image is not clipped at every step, unlike in DDPM's code. Published with a
    WRN-28-10: 87.5 clean, 75.00 under BPDA, 54.69 under DiffAttack on 64 images (Kang
    et al. 2023).
    Source: Ho et al. 2020, arXiv 2006.11239; Kang, Song and Li 2023, arXiv 2311.16124.
    """
    chain = purify.DiffPure(steps=100, sampler="ancestral", variance="small", time=99)
    return replace(diffpure(), score="runs/cifar10_ddpm", purifier=chain)


def lee_kim() -> Evaluation:
    """Gradual noise on CIFAR-10 (Lee and Kim): eight rounds of DDPM, a vote of ten.
    python -m experiments.evaluate --config=cifar10_lee_kim
    Four rounds go over 30 labels, two over 50 and two over 125, all labels of each: 470
    calls for one purification sample. Their attack is `surrogate_steps`, through a
    purifier whose longest round has 5 steps (theirs have 1, 1 and 5; here the rounds
    over 50 have 2), one sample at a time. Their table is known to this project only at
    second hand, so it is not quoted.
    Source: Lee and Kim 2023, arXiv 2303.09051, section 5, and its released code."""
    theirs = {"step_size": _EXACT.step_size, "start": "image", "eot": 20}
    return replace(
        adp(),
        score="runs/cifar10_ddpm",
        purifier=purify.LeeKim(variance="small", times=(29, 49, 124)),
        pooling="vote",
        attacks={
            "blind": _BLIND,
            "bpda": replace(_EXACT, steps=50, gradient="bpda"),
            "surrogate_steps": attack.SurrogatePGD(steps=200, shorter=5, **theirs),
            "exact": _EXACT,
        },
        chunk=1,
    )


def dds() -> Evaluation:
    """One-shot denoising on CIFAR-10: noise 0.25 and one call of a diffusion model.
    python -m experiments.evaluate --config=cifar10_dds
    The purifier of denoised smoothing is attacked here, in the L2 ball of 0.5 where it
    is certified; the certificate is `experiments.certify --config=cifar10_certify
    --config.score=runs/cifar10_ddpm`. The noised image is not clipped before. Every
    answer is the vote of 100 purification samples, where the certificate takes 100,000.
    Source: Carlini et al. 2023, arXiv 2206.10550."""
    once = {"steps": 1, "spacing": "linear", "sampler": "ddim", "eta": 0.0}
    pgd = PGD(steps=100, start="image", eot=20)
    return replace(
        lee_kim(),
        purifier=purify.DiffPure(sigma=0.25, **once),
        samples=100,
        threat="L2",
        radius=0.5,
        attacks={"blind": _BLIND, "bpda": replace(pgd, gradient="bpda"), "exact": pgd},
        chunk=8,
    )


def certify() -> Certification:
    """CIFAR-10 certified by denoised smoothing with the published draws, sigma 0.25.
    python -m experiments.certify --config=cifar10_certify
    All numbers but these are `Certification`'s, which are published: 100 draws choose
    the class and 100,000 bound its probability, with alpha 0.001. `--config.sigma=0.5`
    and `1.0` are the other published levels; `--config.copies=5` is DiffSmooth, which
    wants a classifier trained on noise 0.25. 50 million calls of both networks.
    Source: Carlini et al. 2023, arXiv 2206.10550; Cohen et al. 2019, arXiv 1902.02918;
    DiffSmooth, Zhang et al. 2023, arXiv 2308.14333."""
    return Certification(
        images=Subjects("cifar10", count=500),
        score="runs/cifar10_dsm",
        classifier="runs/cifar10_classifier",
        attack=PGD(steps=100, step_size=0.1, start="image", eot=32),
        chunk=1,
    )
