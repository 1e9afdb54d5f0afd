"""Evaluations of purifiers of CIFAR-10 with networks that train on a CPU.

Images, classifier and attacks are those of `adp_small`. "Validation" is the accuracy of
96 validation images with one purification sample an answer, clean and under blind PGD
at Linf 8/255. `launch/docs/results.md` has what was measured on test images.
"""

from dataclasses import replace
from typing import Any

from purifax import purify
from purifax.attack import PGD
from purifax.evaluation.settings import Evaluation, Subjects


def adp_small() -> Evaluation:
    """ADP on CIFAR-10 with networks that train on a CPU in about an hour.
    python -m experiments.evaluate --config=cifar10_adp_small
    Noise, levels, rate and cap were chosen on 100 validation images by clean and blind
    accuracy. Measured on 512 test images (seed 0, 3 keys): bare 85.4 clean and 0.0
    under its own PGD; defended 76.3 clean, 47.7 blind, 7.4 BPDA+EOT, 1.6 exact."""
    return Evaluation(
        images=Subjects("cifar10", count=512),
        score="runs/cifar10_dsm_small",
        classifier="runs/cifar10_classifier_small",
        purifier=purify.ADP(
            level=0.1, last_level=0.03, steps=4, rate=0.4, largest=0.04, sigma=0.1
        ),
        samples=8,
        attacks={
            "blind": PGD(gradient="blind"),
            "bpda": PGD(steps=15, start="image", eot=6, gradient="bpda"),
            "exact": PGD(steps=8, step_size=0.35, start="image", eot=8),
        },
        keys=3,
        chunk=32,
    )


def diffpure_small() -> Evaluation:
    """DiffPure on CIFAR-10 with a small network: DDPM's chain, five steps.
    python -m experiments.evaluate --config=cifar10_diffpure_small
    Its noise 0.1 is that of `adp_small`. Validation: 66.7 clean, 38.5 attacked."""
    chain = purify.DiffPure(steps=5, sampler="ancestral", variance="small", sigma=0.1)
    return replace(adp_small(), score="runs/cifar10_ddpm_small", purifier=chain)


def _by(purifier: Any, **more: Any) -> Evaluation:
    """The evaluation of `diffpure_small` with another purifier."""
    return replace(diffpure_small(), purifier=purifier, **more)


def diffpure_ddim_small() -> Evaluation:
    """DDIM on CIFAR-10 with a small network: noise once, then a deterministic path.
    python -m experiments.evaluate --config=cifar10_diffpure_ddim_small
    Validation: 75.0 clean, 24.0 attacked."""
    return _by(purify.DiffPure(steps=5, sampler="ddim", eta=0.0, sigma=0.1))


def diffpure_ode_small() -> Evaluation:
    """The probability-flow ODE on CIFAR-10: five steps of DPM-Solver++.
    python -m experiments.evaluate --config=cifar10_diffpure_ode_small
    Validation: 72.9 clean, 21.9 attacked."""
    return _by(purify.DiffPure(steps=5, sampler="dpm_solver", sigma=0.1))


def diffpure_sde_small() -> Evaluation:
    """DiffPure's SDE on CIFAR-10 with a small network: Euler-Maruyama.
    python -m experiments.evaluate --config=cifar10_diffpure_sde_small
    Validation: 49.0 clean, 33.3 attacked; with 20 steps of the chain 52.1 clean and
    30.2 under 20 steps of PGD."""
    return _by(purify.DiffPure(steps=5, sigma=0.1))


def dds_small() -> Evaluation:
    """One-shot denoising on CIFAR-10 with a small network.
    python -m experiments.evaluate --config=cifar10_dds_small
    Validation: 75.0 clean, 32.3 attacked."""
    return _by(purify.DiffPure(steps=1, sampler="ddim", eta=0.0, sigma=0.1))


def lee_kim_small() -> Evaluation:
    """Gradual noise on CIFAR-10 (Lee and Kim) with a small network: three rounds.
    python -m experiments.evaluate --config=cifar10_lee_kim_small
    Validation: 53.1 clean, 41.7 attacked."""
    rounds = {"sigmas": (0.05, 0.1), "repeats": (2, 1)}
    return _by(purify.LeeKim(steps=5, variance="small", **rounds), pooling="vote")


def gdmp_small() -> Evaluation:
    """GDMP on CIFAR-10 with a small network: one guided round.
    python -m experiments.evaluate --config=cifar10_gdmp_small
    Time and strength were chosen on validation images among 35, 70 and 120 and among
    1,000 and 6,000: 71.9 clean and 34.4 under 20 steps of blind PGD. The published ones
    follow the attacked image too closely: 85.4 clean and 2.1 under 40 steps."""
    guided = purify.GDMP(steps=12, time=70, strength=6000.0, variance="large")
    return _by(guided, samples=4, pooling="logits")


def gdmp_ssim_small() -> Evaluation:
    """GDMP guided by SSIM on CIFAR-10 with a small network.
    python -m experiments.evaluate --config=cifar10_gdmp_ssim_small
    Validation, under 20 steps of PGD: 69.8 clean, 24.0 attacked; with strength 300 55.2
    and 33.3, with 2,000 77.1 and 8.3."""
    base = gdmp_small()
    ssim = replace(base.purifier, strength=700.0, distance="ssim")
    return replace(base, purifier=ssim)


def mimic_small() -> Evaluation:
    """MimicDiffusion on CIFAR-10 with a small network: from pure noise to the input.
    python -m experiments.evaluate --config=cifar10_mimic_small
    The published strength, and half of the steps. Only `bpda` has a gradient to follow.
    Validation, under 20 steps of PGD: 56.2 clean, 26.0 attacked."""
    return _by(purify.Mimic(steps=50, time=990), samples=4)


def likelihood_small() -> Evaluation:
    """Likelihood maximisation on CIFAR-10 with a small network.
    python -m experiments.evaluate --config=cifar10_likelihood_small
    Less noise, shorter steps than published. Validation: 72.9 clean, 40.6 attacked."""
    return _by(purify.LM(sigma=0.1, step_size=0.02, spread=0.05), samples=4)


def scoreopt_small() -> Evaluation:
    """ScoreOpt-N on CIFAR-10 with a small network.
    python -m experiments.evaluate --config=cifar10_scoreopt_small
    Noise and steps were chosen on validation images, under 20 steps of PGD: 64.6 clean,
    39.6 attacked; with twice the step size 51.0, 39.6, at noise 0.05 62.5, 31.2."""
    noised = purify.ScoreOpt(sigma=0.07, step_size=0.01, objective="noised")
    return _by(noised, samples=4)


def ebm_small_langevin() -> Evaluation:
    """Langevin purification of CIFAR-10 by an energy that trains on a CPU.
    python -m experiments.evaluate --config=cifar10_ebm_small_langevin
    Measured on 128 test images in eight minutes of CPU time (seed 0, one key, blind PGD
    with 20 steps, the others with 8 steps and 2 EOT samples): 55.5 [46.8, 63.8] clean,
    32.8 blind, 14.1 [9.1, 21.1] BPDA+EOT, 4.7 [2.2, 9.8] exact. On 128 validation
    images, 20 Langevin steps leave 73.4 clean and 0.8 blind."""
    chain = purify.Langevin(steps=100, epsilon=0.01)
    return _by(chain, score="runs/cifar10_ebm_small", pooling="logits")


def jpeg_small() -> Evaluation:
    """JPEG of quality 50 on CIFAR-10: a baseline without a generative network.
    python -m experiments.evaluate --config=cifar10_jpeg_small
    Only `bpda` has a gradient to follow. Validation: 75.0 clean, 37.5 attacked."""
    return _by(purify.JPEG(quality=50), score="", samples=1)


def bit_depth_small() -> Evaluation:
    """Values rounded to 3 bits on CIFAR-10: a baseline without a generative network.
    python -m experiments.evaluate --config=cifar10_bit_depth_small
    Only `bpda` has a gradient to follow. Validation: 75.0 clean, 0.0 attacked."""
    return _by(purify.BitDepth(), score="", samples=1)
