"""Config types of poisoned training: who has which images, the poison, the grid."""

from dataclasses import dataclass, field
from typing import ClassVar

from experiments.poisoning.config_crafting import Crafting, Transfer
from experiments.training.config import (
    ClassifierNet,
    Data,
    Diffusion,
    DiffusionTraining,
    Drawing,
    EnergyNet,
    Optim,
    ScoreNet,
    Train,
)
from experiments.training.config_energy import Chains, EnergyTraining
from purifax.evaluation.settings import Defence

__all__ = [
    "Avatar",
    "Crafting",
    "Eclipse",
    "PoisonGrid",
    "Poisoning",
    "PureGen",
    "Shares",
    "Transfer",
    "Victim",
]


@dataclass(frozen=True)
class Shares:
    """Whose images are whose: disjoint parts of one set, each with all classes.

    Attributes:
        name: of the set, as `purifax.data.load` takes it.
        train: training images that the victim would collect; None is all that is
            left.
        sparse: of `train`, clean images in the hands of the defender (ECLIPSE); the
            victim trains on the others, which are those that may be poisoned.
        other: more training images, clean and from elsewhere, on which purifiers
            may learn.
        test: test images of the final number; None is all of them.
        split_seed: by which the parts are drawn.
    """

    name: str
    train: int | None = None
    sparse: int = 0
    other: int = 0
    test: int | None = None
    split_seed: int = 0


@dataclass(frozen=True)
class Victim:
    """A classifier and how it is trained, from scratch or from another.

    The surrogates of poisons that need a network are trained in the same way.

    Attributes:
        net: the classifier.
        steps: of its training.
        batch: images in a step.
        optim: the optimiser.
        flip: whether half of the images are mirrored.
        crop: padding in pixels before a random crop; 0 is no crop.
        transfer: whether it starts from a network of other images.
    """

    net: ClassifierNet
    steps: int
    batch: int = 128
    optim: Optim = field(default_factory=Optim)
    flip: bool = False
    crop: int = 0
    transfer: Transfer = Transfer()


@dataclass(frozen=True)
class Poisoning:
    """Poison the training images of a set by one method, and store them.

    Attributes:
        images: whose images are whose.
        method: a name of `experiments.poisoning.registry.METHODS`.
        victim: the surrogate of those methods that need one.
        crafting: the numbers of the method.
        chunk: images that are worked on at once.
        seed: of the poison.
    """

    kind: ClassVar[str] = "poisoning"

    images: Shares
    method: str
    victim: Victim
    crafting: Crafting = Crafting()
    chunk: int = 256
    seed: int = 0


@dataclass(frozen=True)
class Eclipse:
    """ECLIPSE's diffusion: a model of a few clean images, and a little noise.

    Attributes:
        training: of the model on the sparse images and their copies; its `data` is
            replaced.
        purifier: noises and denoises.
        copies: how many more times the sparse images are copied.
        enlarge: how each copy is changed: "duplicate" (not at all), "flip", "crop",
            "rotation" or "mixup".
        floor: whether the result is cut down to 8 bits, as in the released code,
            and darkens by half a level; otherwise it is rounded.
    """

    training: DiffusionTraining = DiffusionTraining(
        data=Data(name="npz", validation=0.0),
        net=ScoreNet(name="OpenAIUNet", dropout=0.3),
        diffusion=Diffusion(
            process="cosine", length=4000, objective="hybrid", label_scale=0.25
        ),
        optim=Optim(learning_rate=1e-4, ema=0.9999),
        train=Train(steps=250_000, validate_every=50_000, save_every=5000),
        drawing=Drawing(steps=250),
    )
    purifier: Defence = Defence(
        method="diffuse", time=99, steps=100, sampler="ancestral", variance="learned"
    )
    copies: int = 4
    enlarge: str = "duplicate"
    floor: bool = False


@dataclass(frozen=True)
class Avatar:
    """AVATAR's diffusion: a model of as many images as the victim has.

    Attributes:
        training: of the model; its `data` is replaced.
        purifier: noises and denoises, to 43 of 255 levels as published.
        learns: "clean" (the victim's images before they were poisoned, as
            published: the maker of the model had them) or "found" (the images as
            the victim finds them).
    """

    training: DiffusionTraining = DiffusionTraining(
        data=Data(name="npz", validation=0.0),
        net=ScoreNet(name="OpenAIUNet", dropout=0.1),
        optim=Optim(learning_rate=1e-4, ema=0.9999),
        train=Train(steps=250_000, validate_every=50_000, save_every=5000),
    )
    purifier: Defence = Defence(
        method="diffuse", time=99, steps=100, sampler="ancestral"
    )
    learns: str = "clean"


@dataclass(frozen=True)
class PureGen:
    """PureGen's purifiers: Langevin steps of an energy, and a diffusion.

    "puregen_naive" is one after the other, "puregen_reps" several rounds of both, and
    "puregen_filt" the diffusion of the images of highest energy. Another time than that
    of `ddpm` has its share of the steps.

    Attributes:
        energy_training: of the energy on the images `other` of `Shares`; its `data`
            is replaced.
        ddpm_training: of the diffusion on the same images; its `data` is replaced.
        energy_from: work directory of an energy that is trained already.
        ddpm_from: work directory of a diffusion that is trained already.
        energy: the Langevin steps.
        ddpm: the diffusion.
        rounds: of "puregen_reps".
        round_steps: Langevin steps of a round.
        round_time: label from which a round diffuses.
        filter_time: label from which "puregen_filt" diffuses.
        filtered: share of the images, those of highest energy, that "puregen_filt"
            diffuses.
        learns: "other", or "found": they learn on the images that they are to
            purify instead.
    """

    energy_training: EnergyTraining = EnergyTraining(
        data=Data(name="npz", validation=0.0),
        net=EnergyNet(name="SNGANEnergy"),
        chains=Chains(preset="pureebm_code"),
        optim=Optim(schedule="drops", drops=(1 / 3, 5 / 8, 5 / 6), factor=0.1, ema=0.0),
        train=Train(steps=65_520, validate_every=5000, save_every=1000),
    )
    ddpm_training: DiffusionTraining = DiffusionTraining(
        data=Data(name="npz", validation=0.0),
        net=ScoreNet(name="OpenAIUNet", dropout=0.1),
        optim=Optim(learning_rate=1e-4, ema=0.9999),
        train=Train(steps=41_000, validate_every=5000, save_every=1000),
    )
    energy_from: str = ""
    ddpm_from: str = ""
    energy: Defence = Defence(method="langevin", epsilon=0.00625, steps=150)
    ddpm: Defence = Defence(method="diffuse", time=75, steps=76, sampler="ancestral")
    rounds: int = 5
    round_steps: int = 10
    round_time: float = 50
    filter_time: float = 125
    filtered: float = 0.5
    learns: str = "other"


@dataclass(frozen=True)
class PoisonGrid:
    """Every poison under every defence with every seed; a classifier for each.

    Clean training, the removal of all poisoned images, "none" and a JPEG row are always
    there.

    Attributes:
        images: whose images are whose.
        victim: the classifier that is trained in each cell.
        poisons: names of `experiments.poisoning.registry.METHODS`.
        defences: parts of `experiments.poisoning.augment_batches` and
            `experiments.poisoning.purify_set`, joined by "+", with a number after
            ":" where one is wanted: "none", "jpeg:75", "eclipse", or
            "eclipse_ddpm+grayscale:0.4+gaussian_noise:0.05".
        seeds: each is that of the poison, of the purification and of the
            classifier.
        crafting: the numbers of the poisons.
        eclipse: the purifier of "eclipse" and its parts.
        puregen: the purifiers of "puregen_".
        avatar: the purifier of "avatar".
        adversarial_radius: Linf radius of adversarial training.
        adversarial_steps: its attack steps.
        projection_steps: steps of the linear classifier of "orthogonal".
        epic_from: "epic" drops images before this epoch first.
        epic_every: and again after so many epochs.
        friendly_from: "friendly" makes its noise before this epoch.
        friendly_steps: steps in which it is made.
        friendly_radius: Linf radius of that noise.
        chunk: images that are worked on at once.
    """

    kind: ClassVar[str] = "poison_grid"

    images: Shares
    victim: Victim
    poisons: tuple[str, ...] = ("lsp", "ar", "ops", "cuda", "urp", "tap", "em")
    defences: tuple[str, ...] = ("none", "jpeg:10", "jpeg:75", "eclipse")
    seeds: tuple[int, ...] = (0, 1, 2)
    crafting: Crafting = Crafting()
    eclipse: Eclipse = Eclipse()
    puregen: PureGen = PureGen()
    avatar: Avatar = Avatar()
    adversarial_radius: float = 4 / 255
    adversarial_steps: int = 10
    projection_steps: int = 1000
    epic_from: int = 10
    epic_every: int = 10
    friendly_from: int = 5
    friendly_steps: int = 30
    friendly_radius: float = 16 / 255
    chunk: int = 256
