"""Certificates of CIFAR-10."""

from experiments.certification.config import Certification
from purifax.attack import PGD
from purifax.evaluation.settings import Subjects


def certify() -> Certification:
    """CIFAR-10 certified by denoised smoothing with the published draws, sigma 0.25.

    python -m experiments.certify --config=cifar10_certify
    100 draws choose the class and 100,000 bound its probability. `--config.sigma=0.5`
    and `1.0` are the other published levels; `--config.copies=5` is DiffSmooth, which
    wants a classifier trained on noise 0.25. Not run here; for a GPU: 50 million calls
    of both networks.
    Source: Carlini et al. 2023, arXiv 2206.10550; Cohen et al. 2019, arXiv 1902.02918;
    DiffSmooth, Zhang et al. 2023, arXiv 2308.14333.
    """
    return Certification(
        images=Subjects("cifar10", count=500),
        score="runs/cifar10_dsm",
        classifier="runs/cifar10_classifier",
        sigma=0.25,
        selection=100,
        draws=100_000,
        at_once=500,
        alpha=0.001,
        radii=(0.0, 0.25, 0.5, 0.75, 1.0),
        attacked=128,
        attack=PGD(steps=100, step_size=0.1, start="image", eot=32),
        votes=1000,
        chunk=1,
    )
