"""One-shot denoising on CIFAR-10: noise 0.25 and one call of a diffusion model.

    python -m experiments.evaluate --config=cifar10_dds --data_dir=DIR

after `cifar10_ddpm` and `cifar10_classifier`. The purifier of denoised smoothing as a
defence that is attacked, in the L2 ball of 0.5 where it is certified:
`experiments.certify --config=cifar10_certify --config.score=runs/cifar10_ddpm` is the
certificate. The image plus noise is denoised once and not clipped before. Every answer
is the vote of 100 runs, where the certificate takes 100,000.

For a GPU; not run here.

Source: Carlini et al. 2023, arXiv 2206.10550.
"""

from purifax.evaluation.settings import (
    Attack,
    Defence,
    Evaluation,
    Subjects,
)

__all__ = ["config"]


def config() -> Evaluation:
    """The config; see the module's docstring."""
    return Evaluation(
        images=Subjects(name="cifar10", count=512),
        score="runs/cifar10_ddpm",
        classifier="runs/cifar10_classifier",
        defence=Defence(
            method="diffuse",
            sampler="ddim",
            sigma=0.25,
            spacing="linear",
            steps=1,
            runs=100,
            rule="vote",
        ),
        threat="L2",
        radius=0.5,
        attacks=("blind", "bpda", "exact"),
        keys=5,
        chunk=8,
        blind=Attack(steps=40),
        bpda=Attack(steps=100, eot=20, start="image"),
        exact=Attack(steps=100, eot=20, start="image"),
    )
