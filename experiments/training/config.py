"""Config types of training: images, noise, optimiser, and the pictures."""

from dataclasses import dataclass, field
from typing import ClassVar

from experiments.training.config_diffusion import Diffusion, Drawing
from experiments.training.config_networks import ClassifierNet, EnergyNet, ScoreNet
from purifax.recipe import above, at_least, below, one_of, typed

__all__ = [
    "ClassifierNet",
    "ClassifierTraining",
    "Data",
    "Diffusion",
    "DiffusionTraining",
    "Drawing",
    "EnergyNet",
    "Noise",
    "Optim",
    "Sample",
    "ScoreNet",
    "ScoreTraining",
    "Train",
    "agree",
]


@dataclass(frozen=True)
@typed
class Data:
    """Which images: a set known to `purifax.data`, and what is held back from it.

    Attributes:
        name: of the set, as `purifax.data.load` takes it, or "folder", "npz",
            "tfds" or "poisoned", which lie in --data_dir.
        validation: fraction of the training images, drawn by class, on which
            nothing is trained.
        split_seed: by which the validation images are drawn.
        flip: whether half of the images are mirrored.
        crop: padding in pixels before a random crop; 0 is no crop.
    """

    name: str
    validation: float = 0.1
    split_seed: int = 0
    flip: bool = False
    crop: int = 0

    def __post_init__(self) -> None:
        below(self, "validation", 0, 1)
        for name in ("split_seed", "crop"):
            at_least(self, name, 0)


@dataclass(frozen=True)
@typed
class Noise:
    """Noise levels of denoising score matching, in the units of pixels in [0, 1].

    Attributes:
        law: "single" (always `largest`), "ladder" (`levels` values in geometric
            progression from `largest` to `smallest`) or "continuous" (log-uniform
            between them).
        smallest: the lowest level.
        largest: the highest level.
        levels: how many levels a ladder has.
    """

    law: str = "continuous"
    smallest: float = 0.02
    largest: float = 1.0
    levels: int = 232

    def __post_init__(self) -> None:
        one_of(self, "law", ("single", "ladder", "continuous"))
        above(self, "smallest", 0)
        at_least(self, "largest", self.smallest)
        at_least(self, "levels", 1)


@dataclass(frozen=True)
@typed
class Optim:
    """The optimiser, its learning rate over the run, and the average of the weights.

    Attributes:
        name: "adam", "adamw" or "sgd".
        learning_rate: the highest one of the schedule.
        beta1: decay of Adam's first moment.
        beta2: decay of Adam's second moment.
        eps: added to Adam's denominator.
        momentum: of SGD.
        nesterov: whether the momentum of SGD is Nesterov's.
        weight_decay: decoupled in AdamW, otherwise added to the gradient.
        schedule: "constant", "cosine" (to zero at the last step) or "drops".
        warmup: first steps, in which the learning rate rises linearly.
        drops: fractions of the run after each of which the learning rate is
            multiplied by `factor`.
        factor: see `drops`.
        clip: largest global norm of a gradient; None does not clip.
        ema: decay of the running average of the weights; 0 keeps the last weights. In a
            run too short for it the average warms up, see `optimisers.decay`.
    """

    name: str = "adam"
    learning_rate: float = 1e-4
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0
    schedule: str = "constant"
    warmup: int = 0
    drops: tuple[float, ...] = ()
    factor: float = 0.2
    clip: float | None = None
    ema: float = 0.999

    def __post_init__(self) -> None:
        one_of(self, "name", ("adam", "adamw", "sgd"))
        one_of(self, "schedule", ("constant", "cosine", "drops"))
        for name in ("learning_rate", "eps", "factor", "clip"):
            above(self, name, 0)
        for name in ("beta1", "beta2", "momentum", "ema"):
            below(self, name, 0, 1)
        for name in ("weight_decay", "warmup"):
            at_least(self, name, 0)
        if bool(self.drops) != (self.schedule == "drops"):
            raise ValueError(
                "Optim.drops are for schedule=drops, and needed there; got "
                f"drops={self.drops} with schedule={self.schedule}."
            )


def agree(optim: Optim, steps: int) -> None:
    """Refuses a schedule of the learning rate that does not fit into its run.

    Args:
        steps: of the run.

    Raises:
        ValueError: the warm-up does not end in the run, or a drop is not in it.
    """
    if optim.warmup and optim.warmup >= steps:
        raise ValueError(
            f"Optim.warmup={optim.warmup} does not end in a run of {steps} steps, "
            "which never reaches the learning rate; set optim.warmup or train.steps."
        )
    at = [round(part * steps) for part in optim.drops]
    if at and not (optim.warmup < at[0] and at[-1] < steps and at == sorted(set(at))):
        raise ValueError(
            "Optim.drops must be rising fractions of the run, each at a step of its "
            f"own after the warm-up and before the end; got {optim.drops}, the steps "
            f"{at} of {steps} with warmup={optim.warmup}."
        )


@dataclass(frozen=True)
@typed
class Train:
    """Length of the run, seed, and how often to log, validate and save, in steps.

    Attributes:
        steps: of the optimiser, in all.
        batch: images in a step.
        seed: of the first weights and of everything that is drawn.
        log_every: steps between two rows of metrics.jsonl.
        validate_every: steps between two validations.
        save_every: steps between two checkpoints.
        keep: how many checkpoints are kept.
        validate_images: most validation images used during the run; the validation
            at the end uses all of them.
    """

    steps: int
    batch: int = 128
    seed: int = 0
    log_every: int = 100
    validate_every: int = 1000
    save_every: int = 1000
    keep: int = 2
    validate_images: int = 1000

    def __post_init__(self) -> None:
        whole = ("steps", "batch", "log_every", "validate_every", "save_every", "keep")
        for name in (*whole, "validate_images"):
            at_least(self, name, 1)


@dataclass(frozen=True)
@typed
class Sample:
    """The picture of samples at the end: annealed Langevin, as in NCSNv2.

    Source: Song & Ermon 2020, arXiv 2006.09011, algorithm 1.

    Attributes:
        images: chains; 0 draws no picture.
        largest: the noise level at which chains start.
        smallest: the last noise level, after which the image is denoised.
        levels: noise levels in geometric progression between them.
        per_level: steps at each level.
        rate: the step at noise s is rate * (s / smallest)**2.
    """

    images: int = 16
    largest: float = 1.0
    smallest: float = 0.02
    levels: int = 100
    per_level: int = 5
    rate: float = 2.4e-5

    def __post_init__(self) -> None:
        at_least(self, "images", 0)
        above(self, "smallest", 0)
        at_least(self, "largest", self.smallest)
        for name in ("levels", "per_level"):
            at_least(self, name, 1)
        above(self, "rate", 0)


@dataclass(frozen=True)
@typed
class ScoreTraining:
    """Train a score network, or an energy, by denoising score matching.

    Attributes:
        data: the training images.
        net: the network.
        train: how long to train, and when to log, validate and save.
        noise: the noise levels of the loss.
        optim: the optimiser.
        sample: the picture at the end.
    """

    kind: ClassVar[str] = "score_training"

    data: Data
    net: ScoreNet
    train: Train
    noise: Noise = field(default_factory=Noise)
    optim: Optim = field(default_factory=Optim)
    sample: Sample = field(default_factory=Sample)

    def __post_init__(self) -> None:
        agree(self.optim, self.train.steps)


@dataclass(frozen=True)
@typed
class DiffusionTraining:
    """Train a network to predict the noise of a process.

    Attributes:
        data: the training images.
        net: the network.
        train: how long to train, and when to log, validate and save.
        diffusion: the noise process and the loss.
        optim: the optimiser.
        drawing: the picture at the end.
    """

    kind: ClassVar[str] = "diffusion_training"

    data: Data
    net: ScoreNet
    train: Train
    diffusion: Diffusion = field(default_factory=Diffusion)
    optim: Optim = field(default_factory=Optim)
    drawing: Drawing = field(default_factory=Drawing)

    def __post_init__(self) -> None:
        agree(self.optim, self.train.steps)


@dataclass(frozen=True)
@typed
class ClassifierTraining:
    """Train a classifier by cross-entropy.

    Attributes:
        data: the training images.
        net: the network.
        train: how long to train, and when to log, validate and save.
        optim: the optimiser.
        smoothing: share of the labels that is spread over all classes.
    """

    kind: ClassVar[str] = "classifier_training"

    data: Data
    net: ClassifierNet
    train: Train
    optim: Optim = field(default_factory=Optim)
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        below(self, "smoothing", 0, 1)
        agree(self.optim, self.train.steps)
