"""Config types of poisoned training: who has which images, the poison, the grid."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from experiments.poisoning.config_generators import Avatar, Eclipse, PureGen
from experiments.training.config import (
    ClassifierNet,
    Optim,
    agree,
)
from purifax.poison import LSP
from purifax.recipe import at_least, one_of, typed
from purifax.recipe.kinds import POISON, Kind
from purifax.run.config import make

__all__ = [
    "SET_DEFENCE",
    "Avatar",
    "Eclipse",
    "PoisonGrid",
    "Poisoning",
    "PureGen",
    "Shares",
    "Transfer",
    "Victim",
    "defences",
    "poisons",
]

SET_DEFENCE = Kind("set defence", "experiments.poisoning.defences")


def poisons(*names: str, **recipes: Any) -> dict[str, Any]:
    """Poisons by name: built-in ones with their defaults, then others with numbers.

    >>> poisons("lsp", em=make(POISON, "em"))["em"].rounds
    50
    """
    return {name: make(POISON, name) for name in names} | recipes


def defences(*names: str, **recipes: Any) -> dict[str, Any]:
    """Defences by name, as "jpeg:75+cutout", then others with numbers.

    >>> defences("none", "jpeg:75")["jpeg:75"].quality
    75.0
    """
    found = {name: make(SET_DEFENCE, name) for name in names if name != "none"}
    return {name: found.get(name) for name in names} | recipes


@dataclass(frozen=True)
@typed
class Shares:
    """Whose images are whose: disjoint parts of one set, each with all classes.

    Attributes:
        name: of the set, as `purifax.data` knows it.
        train: training images that the victim and the defender have together; None: all
            that are left.
        sparse: those of them that are clean and the defender's (ECLIPSE); the victim
            trains on the others, which are the ones that may be poisoned.
        other: further training images, clean ones from elsewhere, on which purifiers
            may learn.
        test: test images of the final number; None: all.
        split_seed: of the division.
    """

    name: str
    train: int | None = None
    sparse: int = 0
    other: int = 0
    test: int | None = None
    split_seed: int = 0

    def __post_init__(self) -> None:
        for name in ("train", "test"):
            at_least(self, name, 1)
        for name in ("sparse", "other", "split_seed"):
            at_least(self, name, 0)


@dataclass(frozen=True)
@typed
class Transfer:
    """Whether a victim starts from a network of clean images of others.

    That network is trained on the images `other` of `Shares`, as a victim from scratch;
    its running averages stay as they were. Published for Bullseye Polytope: 60 epochs
    of 500 images in batches of 64, Adam at 0.1 (linear) or 1e-4 (all), a tenth of it
    after one half and three quarters.

    Attributes:
        how: scratch (it does not), linear (a new last layer alone is trained) or all
            (all of it is, with a new last layer).
        steps: of the victim's own training.
        optim: the optimiser of that training.
    """

    how: str = "scratch"
    steps: int = 470
    optim: Optim = field(
        default_factory=lambda: Optim(
            learning_rate=0.1, schedule="drops", drops=(0.5, 0.75), factor=0.1
        )
    )

    def __post_init__(self) -> None:
        one_of(self, "how", ("scratch", "linear", "all"))
        at_least(self, "steps", 1)
        agree(self.optim, self.steps)


@dataclass(frozen=True)
@typed
class Victim:
    """A classifier and how it is trained, from scratch or from another.

    The surrogates of poisons that need a network are trained in the same way.

    Attributes:
        net: the classifier's network.
        steps: of the training.
        batch: images of a step.
        optim: the optimiser.
        flip: whether half of the images are mirrored.
        crop: pixels of padding before a random crop; 0: none.
        transfer: what it starts from.
    """

    net: ClassifierNet
    steps: int
    batch: int = 128
    optim: Optim = field(default_factory=Optim)
    flip: bool = False
    crop: int = 0
    transfer: Transfer = Transfer()

    def __post_init__(self) -> None:
        at_least(self, "steps", 1)
        at_least(self, "batch", 1)
        at_least(self, "crop", 0)
        agree(self.optim, self.steps)


@dataclass(frozen=True)
@typed
class Poisoning:
    """Poison the training images of a set, and store them.

    Attributes:
        images: whose images are whose.
        victim: the surrogate of those poisons that need one.
        poison: a poison's recipe with its numbers.
        chunk: images that are worked on at once.
        seed: of the poison.
    """

    kind: ClassVar[str] = "poisoning"

    images: Shares
    victim: Victim
    poison: Annotated[Any, POISON] = LSP()
    chunk: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        at_least(self, "chunk", 1)


def _poisons() -> dict[str, Any]:
    return poisons("lsp", "ar", "ops", "cuda", "urp", "tap", "em")


def _defences() -> dict[str, Any]:
    return defences("none", "jpeg:10", "jpeg:75", "eclipse")


@dataclass(frozen=True)
@typed
class PoisonGrid:
    """Every poison under every defence with every seed; a classifier for each.

    Clean training, the removal of all poisoned images, no defence and a JPEG row are
    always there.

    Attributes:
        images: whose images are whose.
        victim: the classifier that is trained, and the surrogates of poisons.
        poisons: recipes by name; a name may be "narcissus:3", the class that a trigger
            is for, or "bullseye:3", the number of the test image of its class.
        defences: recipes by name; a name may be "jpeg:75", or several joined by "+".
        seeds: each of a poison, a purification and a classifier.
        eclipse: the network of ECLIPSE.
        puregen: the networks of PureGen.
        avatar: the network of AVATAR.
        chunk: images that are worked on at once.
    """

    kind: ClassVar[str] = "poison_grid"

    images: Shares
    victim: Victim
    poisons: Annotated[Mapping[str, Any], POISON] = field(
        default_factory=_poisons, hash=False
    )
    defences: Annotated[Mapping[str, Any], SET_DEFENCE] = field(
        default_factory=_defences, hash=False
    )
    seeds: tuple[int, ...] = (0, 1, 2)
    eclipse: Eclipse = Eclipse()
    puregen: PureGen = PureGen()
    avatar: Avatar = Avatar()
    chunk: int = 256

    def __post_init__(self) -> None:
        at_least(self, "chunk", 1)
