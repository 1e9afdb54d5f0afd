"""Config types: frozen dataclasses of numbers, names and tuples.

A config says *what* to run in plain values. Turning names into networks, losses and
optimisers is the work of `experiments.lib.build`; nothing in `purifax` sees a config.
Each type that a command accepts is listed in `KINDS`, under the name that
``config.json`` records; a new command adds its dataclass here and to `KINDS`.
"""

import dataclasses
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from experiments.lib.config_certification import Certification
from experiments.lib.config_evaluation import (
    Attack,
    Defence,
    Evaluation,
    Subjects,
    Surface,
)
from experiments.lib.config_mixture import Mixture

__all__ = [
    "KINDS",
    "Attack",
    "Certification",
    "ClassifierNet",
    "ClassifierTraining",
    "Data",
    "Defence",
    "Evaluation",
    "Mixture",
    "Noise",
    "Optim",
    "Sample",
    "ScoreNet",
    "ScoreTraining",
    "Subjects",
    "Surface",
    "Train",
    "Training",
    "decode",
    "differences",
    "encode",
    "leaves",
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
    """A scaled-score network of `purifax.nets`; None leaves a field to the network."""

    name: str
    width: int | None = None
    widths: tuple[int, ...] | None = None
    blocks: int | None = None
    fold: int | None = None
    centre: float | None = None
    spread: float | None = None
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
    linearly. `clip` bounds the global norm of the gradient. `ema` is the decay of the
    running average of the weights; 0 keeps the last weights.
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
    """Train a score network by denoising score matching."""

    data: Data
    net: ScoreNet
    train: Train
    noise: Noise = field(default_factory=Noise)
    optim: Optim = field(default_factory=Optim)
    sample: Sample = field(default_factory=Sample)


@dataclass(frozen=True)
class ClassifierTraining:
    """Train a classifier by cross-entropy, with `smoothing` of the labels."""

    data: Data
    net: ClassifierNet
    train: Train
    optim: Optim = field(default_factory=Optim)
    smoothing: float = 0.0


Training = ScoreTraining | ClassifierTraining

KINDS: dict[str, type] = {
    "score_training": ScoreTraining,
    "classifier_training": ClassifierTraining,
    "evaluation": Evaluation,
    "certification": Certification,
    "mixture": Mixture,
}


def encode(config: Any) -> dict[str, Any]:
    """Gives the JSON form of a config: its fields, and its type under "kind"."""
    for kind, cls in KINDS.items():
        if type(config) is cls:
            return {"kind": kind, **dataclasses.asdict(config)}
    raise ValueError(f"{type(config).__name__} is not a config type; see KINDS.")


def decode(values: dict[str, Any]) -> Any:
    """Gives back the config of `encode`.

    Raises:
        ValueError: an unknown kind, or fields that the config type does not have.
    """
    values = dict(values)
    kind = values.pop("kind", None)
    if kind not in KINDS:
        raise ValueError(f"unknown kind of config {kind!r}; known: {sorted(KINDS)}.")
    return _construct(KINDS[kind], values)


def _construct(cls: type, values: dict[str, Any]) -> Any:
    """Builds dataclass `cls` from its JSON fields, nested ones included."""
    hints = typing.get_type_hints(cls)
    extra = sorted(set(values) - set(hints))
    if extra:
        raise ValueError(f"{cls.__name__} has no field {', '.join(extra)}.")
    made = {}
    for name, value in values.items():
        if dataclasses.is_dataclass(hints[name]):
            made[name] = _construct(typing.cast(type, hints[name]), value)
        else:
            made[name] = _tuples(value)
    return cls(**made)


def _tuples(value: Any) -> Any:
    """JSON has lists only; configs have tuples only."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def leaves(config: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yields (dotted name, annotation, value) of every plain field of a config."""
    hints = typing.get_type_hints(type(config))
    for name, hint in hints.items():
        value = getattr(config, name)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", hint, value


def differences(old: Any, new: Any) -> list[tuple[str, Any, Any]]:
    """Lists (dotted name, old value, new value) of the fields that differ."""
    if type(old) is not type(new):
        return [("kind", type(old).__name__, type(new).__name__)]
    befores = {name: value for name, _, value in leaves(old)}
    afters = {name: value for name, _, value in leaves(new)}
    names = list(dict.fromkeys([*befores, *afters]))
    pairs = [(name, befores.get(name), afters.get(name)) for name in names]
    return [pair for pair in pairs if pair[1] != pair[2]]


def describe(hint: Any) -> str:
    """Gives the words for an annotation in an error message: "int or None"."""
    if isinstance(hint, types.UnionType):
        return " or ".join(describe(part) for part in typing.get_args(hint))
    if hint is type(None):
        return "None"
    if typing.get_origin(hint) is tuple:
        return f"tuple of {describe(typing.get_args(hint)[0])}"
    return hint.__name__
