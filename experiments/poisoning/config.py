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

    Of the training images, `sparse` of what the victim would collect are clean and in
    the defender's hands (ECLIPSE); the victim trains on the others of `train`, which
    are the ones that may be poisoned; `other` more are clean images from elsewhere, on
    which purifiers may learn. `test` images are those of the final number. None of
    `train` is all that is left, None of `test` all of it.
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

    `flip` and `crop` are as in `Data`. The surrogates of poisons that need a network
    are trained in the same way.
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

    `method` is a name of `experiments.poisoning.registry.METHODS`. `victim` is the
    surrogate of those methods that need one.
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

    The sparse images are copied `copies` more times, each copy changed by `enlarge`:
    "duplicate" (not at all), "flip", "crop", "rotation" or "mixup". `training` is of
    the model on them; its `data` is replaced. `purifier` noises and denoises. With
    `floor` the result is cut down to 8 bits, as the released code does, and darkens by
    half a level; else it is rounded.
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

    `learns` is "clean" (the victim's images before they were poisoned, as published:
    the maker of the model had them) or "found" (the images as the victim finds them).
    `training` is of the model on them; its `data` is replaced. `purifier` noises and
    denoises, to 43 of 255 levels as published.
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

    Both learn on the images `other` of `Shares`, by `energy_training` and
    `ddpm_training` (whose `data` is replaced), or are in the work directories
    `energy_from` and `ddpm_from`. "puregen_naive" is one after the other.
    "puregen_reps" does so `rounds` times, with `round_steps` steps and from
    `round_time`. "puregen_filt" diffuses from `filter_time` the share `filtered` of
    images that has the highest energy. Another time has its share of the steps. With
    `learns` "found" they learn on the images that they are to purify instead.
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

    `poisons` are names of `experiments.poisoning.registry.METHODS`. `defences` are
    parts of `experiments.poisoning.augment_batches` and
    `experiments.poisoning.purify_set`, joined by "+", with a number after ":" where
    one is wanted: "none", "jpeg:75", "eclipse", or
    "eclipse_ddpm+grayscale:0.4+gaussian_noise:0.05". A seed is that of the poison, of
    the purification, and of the classifier. Clean training, the removal of all
    poisoned images, "none" and a JPEG row are always there.

    `adversarial_radius` is of adversarial training, in `adversarial_steps` steps;
    `projection_steps` are those of the linear classifier of "orthogonal". "epic" drops
    images before epoch `epic_from` and every `epic_every` epochs after it. "friendly"
    makes its noise before epoch `friendly_from`, in `friendly_steps` steps within
    `friendly_radius`.
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
