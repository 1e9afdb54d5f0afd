"""The config of an evaluation: images, networks, purifier and attacks."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from purifax.attack import PGD
from purifax.evaluation.attacks import ATTACKS, check_attack
from purifax.purify import ADP
from purifax.recipe import one_of, typed
from purifax.recipe.kinds import ATTACK, PURIFIER
from purifax.recipe.spelling import nearest
from purifax.run.config import is_built_in, make, of_kind

__all__ = ["CONTROLS", "POOLING", "THREATS", "Evaluation", "Subjects", "Surface"]

POOLING = ("probabilities", "logits", "vote")
CONTROLS = ("noise", "jpeg", "blur")
THREATS = ("Linf", "L2", "L1")
_RESERVED = ("clean", "worst", "recipe")


@dataclass(frozen=True)
@typed
class Subjects:
    """The images: the first `count` of a stratified, shuffled part of a set.

    Choose settings on the split "validation" only: the images that the training configs
    hold out with the same `validation` share and `split_seed`.

    Attributes:
        name: of the set, as `purifax.data` knows it.
        split: "test" or "validation".
        count: images that are evaluated.
        seed: of the shuffling.
        validation: share of the training images that is held out.
        split_seed: of that split.
        part: share of the chosen images that this run takes, for --merge.
        parts: number of such shares.
    """

    name: str
    split: str = "test"
    count: int = 512
    seed: int = 0
    validation: float = 0.1
    split_seed: int = 0
    part: int = 0
    parts: int = 1


@dataclass(frozen=True)
@typed
class Surface:
    """Has an attack converged? Accuracy over its iterations, EOT samples and restarts.

    Attributes:
        attack: a PGD attack of the evaluation.
        steps: numbers of iterations after which it is answered.
        eot: numbers of EOT samples with which it is run.
        restarts: numbers of restarts with which it is run.
        images: the first images, on which this is done.
    """

    attack: str = "exact"
    steps: tuple[int, ...] = ()
    eot: tuple[int, ...] = ()
    restarts: tuple[int, ...] = ()
    images: int = 64

    def __post_init__(self) -> None:
        for name in ("steps", "eot", "restarts"):
            values = getattr(self, name)
            if any(v < 1 for v in values) or list(values) != sorted(set(values)):
                raise ValueError(
                    f"surface.{name} must rise from 1 or more; got {values}."
                )
        if bool(self.steps) != bool(self.eot):
            raise ValueError("surface.steps and surface.eot must be given together.")
        if self.images < 1:
            raise ValueError(f"surface.images must be 1 or more; got {self.images}.")


def _three() -> dict[str, Any]:
    return {name: ATTACKS[name] for name in ("blind", "bpda", "exact")}


@dataclass(frozen=True)
@typed
class Evaluation:
    """A classifier, bare and behind a purifier, against a list of attacks.

    Networks are work directories of `experiments.train`, or names of shipped weights.

    Attributes:
        images: what is evaluated.
        classifier: the classifier's network.
        purifier: a purifier's recipe with its numbers; none for the bare classifier.
        score: network of the purifier's score.
        energy: network of an energy beside the score, for PureGen.
        surrogate: another classifier, for attacks that transfer.
        dtype: what score and energy compute in: float32 or bfloat16 (default: as
            trained).
        samples: purification samples that are pooled in one answer.
        pooling: how: probabilities, logits or vote.
        threat: the set of allowed changes: Linf, L2 or L1.
        radius: of that set, in [0, 1] pixel units.
        attacks: recipes by name, in the order in which they are run.
        omitted: attacks of the protocol that do not fit, which the report names.
        sweep: further radii, at which the swept attacks are run.
        swept: names of attacks that are run at those radii.
        sweep_images: the first images, on which that is done.
        surface: whether an attack has converged.
        controls: what the purifier is compared with: noise (its own without its
            steps), jpeg and blur (of the same clean accuracy), or another purifier.
        probed: images on which the exact gradient is examined before all else.
        keys: fresh keys under which every answer is given.
        chunk: images that are worked on at once.
        memory: GiB of a device that exact gradients may keep of their chains; 0 leaves
            it to the purifier.
        seed: of all keys.
        pictured: images of which pictures are made.
        skip_wrong: whether images that are wrong under every key as they are stay
            unattacked.
    """

    kind: ClassVar[str] = "evaluation"

    images: Subjects
    classifier: str
    purifier: Annotated[Any, PURIFIER] = ADP()
    score: str = ""
    energy: str = ""
    surrogate: str = ""
    dtype: str = ""
    samples: int = 10
    pooling: str = "probabilities"
    threat: str = "Linf"
    radius: float = 8 / 255
    attacks: Annotated[Mapping[str, Any], ATTACK] = field(
        default_factory=_three, hash=False
    )
    omitted: tuple[str, ...] = ()
    sweep: tuple[float, ...] = ()
    swept: tuple[str, ...] = ()
    sweep_images: int = 128
    surface: Surface = Surface()
    controls: tuple[str, ...] = ("noise",)
    probed: int = 32
    keys: int = 5
    chunk: int = 64
    memory: float = 0.0
    seed: int = 0
    pictured: int = 8
    skip_wrong: bool = False

    def __post_init__(self) -> None:
        one_of(self, "pooling", POOLING)
        one_of(self, "threat", THREATS)
        self._check_controls()
        for name in ("samples", "keys", "chunk"):
            if getattr(self, name) < 1:
                got = getattr(self, name)
                raise ValueError(f"{name} must be 1 or more; got {got}.")
        for name in ("probed", "pictured", "sweep_images"):
            if getattr(self, name) < 0:
                got = getattr(self, name)
                raise ValueError(f"{name} must be 0 or more images; got {got}.")
        if not all(0 <= radius < math.inf for radius in self.sweep):
            raise ValueError(f"sweep must be radii of 0 or more; got {self.sweep}.")
        if not 0 <= self.memory < math.inf:
            raise ValueError(
                f"memory must be GiB of a device, 0 or more; got {self.memory}."
            )
        if not 0 <= self.radius < math.inf:
            raise ValueError(
                f"radius must be 0 or more, in [0, 1] pixel units; got {self.radius}."
            )
        for name, made in self.attacks.items():
            if made is None:
                raise ValueError(f"attacks.{name} is none; name the others alone.")
            if name in _RESERVED or "." in name or not name:
                raise ValueError(
                    f"an attack cannot be called {name!r}: {', '.join(_RESERVED)} have "
                    "a meaning of their own, and a dot leads to a field."
                )
        for name in self.swept:
            if name not in self.attacks and name not in ATTACKS:
                known = nearest(name, [*self.attacks, *ATTACKS])
                raise ValueError(f"no attack is called {name!r}{known}")
        if self.purifier is not None and hasattr(self.purifier, "knobs"):
            self.purifier.knobs(self.samples)

    def _check_controls(self) -> None:
        """Refuses controls that are unknown, twice, or not the same for all parts."""
        for name in self.controls:
            self.control(name)
        if len(set(self.controls)) < len(self.controls):
            raise ValueError(f"a control is named twice: {', '.join(self.controls)}.")
        chosen = [name for name in self.controls if name in ("jpeg", "blur")]
        if chosen and self.images.parts > 1:
            raise ValueError(
                f"{chosen[0]} is chosen by the accuracy on all images, and this is one "
                f"of {self.images.parts} parts; leave it out of `controls`, or "
                "evaluate the images in one part."
            )

    def control(self, name: str) -> Any:
        """The recipe of a control that is a purifier by name; None of `CONTROLS`.

        Raises:
            ValueError: there is none of this name, or it must first be calibrated.
        """
        if name in CONTROLS:
            return None
        if ":" not in name and not is_built_in(PURIFIER, name):
            near = nearest(name, [*CONTROLS, *of_kind(PURIFIER)])
            raise ValueError(f"no control is called {name!r}{near}")
        made = make(PURIFIER, name)
        if getattr(made, "uncalibrated", False):
            raise ValueError(
                f"the control {name} has a number that clean images must set first; "
                "give it by a recipe of your own, package.module:name."
            )
        return made

    @staticmethod
    def default_attacks() -> Mapping[str, Any]:
        """The attacks that may be named without being described."""
        return ATTACKS

    def attack(self, name: str) -> Any:
        """The recipe of an attack by its name here, or by its general name."""
        return self.attacks[name] if name in self.attacks else ATTACKS[name]

    def named(self) -> dict[str, Any]:
        """The recipes of all attacks that are run, the swept ones included."""
        return {name: self.attack(name) for name in (*self.attacks, *self.swept)}

    def check(self) -> None:
        """Refuses attacks that do not fit the threat or the purifier.

        Raises:
            ValueError: an attack for another threat, or one that needs what is not
                there.
        """
        for name, attack in self.named().items():
            check_attack(name, attack, self)
        asked = self.surface
        if asked.steps or asked.restarts:
            known = {**ATTACKS, **self.attacks}
            if not hasattr(known.get(asked.attack), "iterates"):
                able = [n for n, a in known.items() if isinstance(a, PGD)]
                raise ValueError(
                    f"surface.attack is {asked.attack!r}; it must be a PGD attack: "
                    f"{', '.join(able)}."
                )
            check_attack(asked.attack, known[asked.attack], self)
