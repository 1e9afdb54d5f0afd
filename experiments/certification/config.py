"""Config type of certification: plain values, as in `config`."""

from dataclasses import dataclass, field
from typing import ClassVar

from purifax.evaluation.settings import Attack, Defence, Subjects

__all__ = ["Certification"]


@dataclass(frozen=True)
class Certification:
    """Randomized smoothing around a purifier, and an L2 attack on the same.

    The smoothed classifier votes over images noised by `sigma`. Before the classifier
    stands `purifier`: "none", "dds" (one denoising step, at `sigma`) or "defence" (one
    run of `defence`, which may add noise of its own: `defence.sigma`). With `copies`
    above 0 the purified image is classified as that many copies with noise
    `copies_sigma`, whose probabilities are averaged (DiffSmooth; published with 5).

    `selection` draws choose the class, `draws` bound its probability, `at_once` of
    them go through the networks together for each of `chunk` images; a certificate is
    wrong with probability `alpha` at most. Certified accuracy is told at `radii`.

    The first `attacked` images are attacked at each of the `radii` above 0 (0: no
    attack; its `eot` draws are of the smoothing) and answered by a vote of `votes`
    draws. `score` and `classifier` are work directories of `experiments.train`.
    """

    kind: ClassVar[str] = "certification"

    images: Subjects
    score: str
    classifier: str
    purifier: str = "dds"
    defence: Defence = field(default_factory=Defence)
    copies: int = 0
    copies_sigma: float = 0.25
    sigma: float = 0.25
    selection: int = 100
    draws: int = 100_000
    at_once: int = 500
    alpha: float = 0.001
    radii: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    attacked: int = 128
    attack: Attack = Attack(steps=20, eot=20, start="image")
    votes: int = 1000
    chunk: int = 4
    seed: int = 0
