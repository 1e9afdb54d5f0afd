"""Config type of certification: plain values, as in `config`."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from purifax.attack import PGD
from purifax.evaluation.settings import Subjects
from purifax.purify import DDS
from purifax.recipe import above, at_least, below, typed, within
from purifax.recipe.kinds import PURIFIER

__all__ = ["Certification"]


@dataclass(frozen=True)
@typed
class Certification:
    """Randomized smoothing around a purifier, and an L2 attack on the same.

    The smoothed classifier votes over images noised by `sigma`. A certificate is wrong
    with probability `alpha` at most.

    Attributes:
        images: what is certified.
        score: network of the purifier's score.
        classifier: the classifier's network.
        purifier: what stands before the classifier: none, dds, or another recipe, whose
            own noise comes on top of the smoothing's.
        copies: noised copies of the purified image whose probabilities are averaged
            (DiffSmooth; published with 5); 0 is the image itself.
        copies_sigma: noise of the copies.
        sigma: noise of the smoothing.
        selection: draws that choose the class.
        draws: draws that bound its probability.
        at_once: draws that go through the networks together for each image.
        alpha: probability of a wrong certificate, at most.
        radii: at which certified accuracy is told.
        attacked: first images that are attacked at each radius above 0; 0 is no attack.
        attack: PGD on the smoothed classifier; its eot draws are of the smoothing.
        votes: draws of an answer to an attacked image.
        chunk: images that are worked on at once.
        seed: of all keys.
    """

    kind: ClassVar[str] = "certification"

    images: Subjects
    score: str
    classifier: str
    purifier: Annotated[Any, PURIFIER] = DDS()
    copies: int = 0
    copies_sigma: float = 0.25
    sigma: float = 0.25
    selection: int = 100
    draws: int = 100_000
    at_once: int = 500
    alpha: float = 0.001
    radii: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    attacked: int = 128
    attack: PGD = PGD(steps=20, eot=20, start="image")
    votes: int = 1000
    chunk: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("selection", "draws", "at_once", "votes", "chunk"):
            at_least(self, name, 1)
        within(self, "draws", 1, 100_000)
        for name in ("copies", "copies_sigma", "attacked"):
            at_least(self, name, 0)
        above(self, "sigma", 0)
        above(self, "alpha", 0)
        below(self, "alpha", 0, 0.5)
        at_least(self, "radii", 0)
        if not self.radii or list(self.radii) != sorted(set(self.radii)):
            raise ValueError(f"radii must rise from 0 or more; got {self.radii}.")
