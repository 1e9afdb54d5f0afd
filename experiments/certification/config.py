"""Config type of certification: plain values, as in `config`."""

from dataclasses import dataclass, field
from typing import ClassVar

from purifax.evaluation.settings import Attack, Defence, Subjects

__all__ = ["Certification"]


@dataclass(frozen=True)
class Certification:
    """Randomized smoothing around a purifier, and an L2 attack on the same.

    The smoothed classifier votes over images noised by `sigma`, which a purifier sees
    before the classifier does. A certificate is wrong with probability `alpha` at most.

    Attributes:
        images: that are certified.
        score: work directory, or shipped weights, of the score network.
        classifier: work directory, or shipped weights, of the classifier.
        purifier: "none", "dds" (one denoising step, at `sigma`) or "defence" (one
            run of `defence`).
        defence: which may add noise of its own, `defence.sigma`.
        copies: if above 0, the purified image is classified as so many noised
            copies, whose probabilities are averaged (DiffSmooth; published with 5).
        copies_sigma: noise of these copies.
        sigma: noise of the smoothing, in [0, 1] pixel units.
        selection: draws that choose the class.
        draws: that bound its probability.
        at_once: draws that go through the networks together for each image of a
            chunk.
        alpha: most probability of a wrong certificate.
        radii: L2 radii at which certified accuracy is reported.
        attacked: first images that are attacked at each of the `radii` above 0; 0
            is no attack.
        attack: whose EOT samples are draws of the smoothing.
        votes: draws that vote on the answer to an attacked image.
        chunk: images that are worked on at once.
        seed: of everything that is drawn.
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
