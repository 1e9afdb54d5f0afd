"""Config types of training: images, network, noise, optimiser, and the pictures."""

from dataclasses import dataclass, field
from typing import ClassVar

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
]


@dataclass(frozen=True)
class Data:
    """Which images: a set known to `purifax.data`, and what is held back from it.

    `validation` is the fraction of the training images, drawn by class with
    `split_seed`, on which nothing is trained. `flip` mirrors half of the images and
    `crop` is the padding in pixels before a random crop (0: no crop).
    """

    name: str
    validation: float = 0.1
    split_seed: int = 0
    flip: bool = False
    crop: int = 0


@dataclass(frozen=True)
class ScoreNet:
    """A network of `purifax.nets` that gives a score; None leaves a field to it.

    An energy (`hidden`, `patch` and `activation` are fields of energies) is trained so
    that minus its gradient is the scaled score.
    """

    name: str
    width: int | None = None
    widths: tuple[int, ...] | None = None
    blocks: int | None = None
    fold: int | None = None
    centre: float | None = None
    spread: float | None = None
    multiples: tuple[float, ...] | None = None
    attention: tuple[int, ...] | None = None
    groups: int | None = None
    dropout: float | None = None
    hidden: int | None = None
    patch: int | None = None
    activation: str | None = None
    dtype: str = "float32"


@dataclass(frozen=True)
class ClassifierNet:
    """A classifier of `purifax.nets`; None leaves a field to the network.

    `mean` and `std` normalise each channel of images in [0, 1]; they belong to the
    network and travel with its weights.
    """

    name: str
    depth: int | None = None
    widen: int | None = None
    width: int | None = None
    widths: tuple[int, ...] | None = None
    hidden: int | None = None
    fold: int | None = None
    biased: bool | None = None
    dropout: float | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    dtype: str = "float32"


@dataclass(frozen=True)
class EnergyNet:
    """An energy of `purifax.nets`; None leaves a field to the network."""

    name: str
    width: int | None = None
    widths: tuple[int, ...] | None = None
    hidden: int | None = None
    fold: int | None = None
    patch: int | None = None
    activation: str | None = None
    dtype: str = "float32"


@dataclass(frozen=True)
class Noise:
    """Noise levels of denoising score matching, in the units of pixels in [0, 1].

    `law` is "single" (always `largest`), "ladder" (`levels` values in geometric
    progression from `largest` to `smallest`) or "continuous" (log-uniform between).
    """

    law: str = "continuous"
    smallest: float = 0.02
    largest: float = 1.0
    levels: int = 232


@dataclass(frozen=True)
class Optim:
    """The optimiser, its learning rate over the run, and the average of the weights.

    `schedule` is "constant", "cosine" (to zero at the last step) or "drops" (times
    `factor` after each fraction of the run in `drops`); the first `warmup` steps rise
    linearly. `name` is "adam", "adamw" or "sgd". `clip` bounds the global norm of the
    gradient. `ema` is the decay of the running average of the weights; 0 keeps the last
    weights.
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


@dataclass(frozen=True)
class Train:
    """Length of the run, seed, and how often to log, validate and save, in steps.

    `validate_images` bounds the validation images used during the run (the final
    validation uses all of them); `keep` is the number of checkpoints kept.
    """

    steps: int
    batch: int = 128
    seed: int = 0
    log_every: int = 100
    validate_every: int = 1000
    save_every: int = 1000
    keep: int = 2
    validate_images: int = 1000


@dataclass(frozen=True)
class Sample:
    """The picture of samples at the end: annealed Langevin, `images` chains (0: none).

    `levels` noise levels from `largest` to `smallest` with `per_level` steps each; the
    step at noise s is `rate` * (s / smallest)**2, with a final denoising, as in
    NCSNv2 (Song & Ermon 2020, arXiv 2006.09011, algorithm 1).
    """

    images: int = 16
    largest: float = 1.0
    smallest: float = 0.02
    levels: int = 100
    per_level: int = 5
    rate: float = 2.4e-5


@dataclass(frozen=True)
class ScoreTraining:
    """Train a score network, or an energy, by denoising score matching."""

    kind: ClassVar[str] = "score_training"

    data: Data
    net: ScoreNet
    train: Train
    noise: Noise = field(default_factory=Noise)
    optim: Optim = field(default_factory=Optim)
    sample: Sample = field(default_factory=Sample)


@dataclass(frozen=True)
class Diffusion:
    """A noise process, and the loss by which the noise in it is predicted.

    `process` is a name of `weights.process`: "linear" or "cosine" (the chains of DDPM,
    of `length` steps, the linear one with betas from `first` to `last`), "VP", "SubVP",
    "VE" or "EDM"; None leaves a number to the process. `objective` is "simple" or
    "min_snr" (with `cap`), "hybrid" (the network learns variances too, by `weight`
    times the bound), all over the labels of a chain, or over those below `labels`;
    "continuous", over the times of "VP", "SubVP" or "VE"; or "edm" (log sigma normal
    with `mean` and `deviation`, in images `spread` wide in [-1, 1]), which goes with
    any process. The network is told `label_scale` times the time. See `purifax.loss`.
    """

    process: str = "linear"
    length: int | None = None
    first: float | None = None
    last: float | None = None
    objective: str = "simple"
    cap: float = 5.0
    weight: float = 1e-3
    mean: float = -1.2
    deviation: float = 1.2
    spread: float = 0.5
    label_scale: float = 1.0
    labels: int | None = None


@dataclass(frozen=True)
class Drawing:
    """The picture of samples at the end of a diffusion training: `images` of them.

    `sampler` is a name of `purifax.purify.descent.SAMPLERS`, such as "ancestral",
    "ddim" or "heun", with `steps` steps from the process's most noise to none.
    """

    images: int = 16
    sampler: str = "ancestral"
    steps: int = 100


@dataclass(frozen=True)
class DiffusionTraining:
    """Train a network to predict the noise of a process."""

    kind: ClassVar[str] = "diffusion_training"

    data: Data
    net: ScoreNet
    train: Train
    diffusion: Diffusion = field(default_factory=Diffusion)
    optim: Optim = field(default_factory=Optim)
    drawing: Drawing = field(default_factory=Drawing)


@dataclass(frozen=True)
class ClassifierTraining:
    """Train a classifier by cross-entropy, with `smoothing` of the labels."""

    kind: ClassVar[str] = "classifier_training"

    data: Data
    net: ClassifierNet
    train: Train
    optim: Optim = field(default_factory=Optim)
    smoothing: float = 0.0
