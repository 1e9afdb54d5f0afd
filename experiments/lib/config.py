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
from typing import Any

from experiments.lib.config_acceleration import Acceleration
from experiments.lib.config_benchmark import Benchmark
from experiments.lib.config_certification import Certification
from experiments.lib.config_density import Density
from experiments.lib.config_energy import (
    Chains,
    EnergyTraining,
    Guard,
    Strip,
    Switch,
)
from experiments.lib.config_evaluation import (
    Attack,
    Defence,
    Evaluation,
    Subjects,
    Surface,
)
from experiments.lib.config_mixture import Mixture
from experiments.lib.config_poison import (
    Avatar,
    Crafting,
    Eclipse,
    PoisonGrid,
    Poisoning,
    PureGen,
    Shares,
    Transfer,
    Victim,
)
from experiments.lib.config_training import (
    ClassifierNet,
    ClassifierTraining,
    Data,
    Diffusion,
    DiffusionTraining,
    Drawing,
    EnergyNet,
    Noise,
    Optim,
    Sample,
    ScoreNet,
    ScoreTraining,
    Train,
)

__all__ = [
    "KINDS",
    "Acceleration",
    "Attack",
    "Avatar",
    "Benchmark",
    "Certification",
    "Chains",
    "ClassifierNet",
    "ClassifierTraining",
    "Crafting",
    "Data",
    "Defence",
    "Density",
    "Diffusion",
    "DiffusionTraining",
    "Drawing",
    "Eclipse",
    "EnergyNet",
    "EnergyTraining",
    "Evaluation",
    "Guard",
    "Mixture",
    "Noise",
    "Optim",
    "PoisonGrid",
    "Poisoning",
    "PureGen",
    "Sample",
    "ScoreNet",
    "ScoreTraining",
    "Shares",
    "Strip",
    "Subjects",
    "Surface",
    "Switch",
    "Train",
    "Training",
    "Transfer",
    "Victim",
    "decode",
    "differences",
    "encode",
    "leaves",
]

Training = ScoreTraining | DiffusionTraining | ClassifierTraining | EnergyTraining

KINDS: dict[str, type] = {
    "score_training": ScoreTraining,
    "diffusion_training": DiffusionTraining,
    "classifier_training": ClassifierTraining,
    "energy_training": EnergyTraining,
    "evaluation": Evaluation,
    "certification": Certification,
    "mixture": Mixture,
    "density": Density,
    "benchmark": Benchmark,
    "acceleration": Acceleration,
    "poisoning": Poisoning,
    "poison_grid": PoisonGrid,
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
