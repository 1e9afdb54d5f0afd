"""Certificates of digits (8x8), and accelerated sampling of them."""

from experiments.certification.config import Certification
from experiments.examples.config_acceleration import Acceleration
from purifax.attack import PGD
from purifax.evaluation.settings import Subjects
from purifax.purify import ADP


def certify() -> Certification:
    """Digits (8x8) certified by denoised smoothing, sigma 0.25, beside L2 PGD.
    python -m experiments.certify --config=digits_certify
    `--config.copies=5 --config.copies_sigma=0.05` is DiffSmooth,
    `--config.purifier=none` the bare classifier, and `--config.purifier=defence` ADP. A
    minute of one CPU core, compilation included (two minutes where it is shared).
    Measured on 150 test images, with the quickstart's networks: 98.7 [95.3, 99.8]
    certified at radius 0, 92.7 [87.3, 96.3] at 0.2 and 66.0 [57.8, 73.5] at 0.5; of the
    first 50 images 84 survive PGD at 0.5, where 74 are certified."""
    return Certification(
        images=Subjects("digits", count=150),
        score="runs/digits_dsm",
        classifier="runs/digits_classifier",
        purifier=ADP(steps=5, rate=0.4, sigma=0.0),
        draws=1000,
        at_once=100,
        radii=(0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
        attacked=50,
        attack=PGD(steps=10, start="image", eot=10),
        votes=500,
        chunk=10,
    )


def accelerate() -> Acceleration:
    """Accelerated samplers of 8x8 digits, 10 to 40 calls of the score.
    python -m experiments.accelerate --config=digits_accelerate
    The networks are those of `experiments.quickstart`. Measured (seed 0, jax 0.10.2) in
    2 minutes of CPU time: at this size acceleration saves nothing. Squared distances of
    pixels with 10, 20 and 40 calls: Langevin 0.54, 0.30, 0.27; with momentum 0.50,
    0.30, 0.26, within the range of the seeds; predictor and corrector 0.56, 0.33, 0.28;
    preconditioned as published 1.14, 0.40, 0.32, matched 0.64, 0.36, 0.29; training
    images 0.30. With 10 and 20 calls the best Langevin rate is the largest tried."""
    return Acceleration(
        score="runs/quickstart/digits_dsm",
        classifier="runs/quickstart/digits_classifier",
        calls=(10, 20, 40),
        rates=(0.15, 0.3, 0.6),
        count=200,
        seeds=3,
    )
