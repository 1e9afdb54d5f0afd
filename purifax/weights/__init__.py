"""Trained networks on disk: write what a network is, and load it as a callable.

A work directory holds ``network.json`` (the module's name and fields, and what a score
network predicts or the temperature of an energy) and Orbax checkpoints whose item "ema"
is the averaged variables. `load`, `score` and `energy` need these alone: no config and
no training code.

Some trained weights come with the package: `load("digits_dsm")`, where neither a folder
nor a run is called so. `names` lists them, and `card` says of each what it was trained
on, how, and what was measured.

Networks of other people are read from their files without PyTorch, by
`weights.containers`, and from their arrays by name, by one reader for each layout:
`ncsnv2`, `score_sde`, `edm`, `diffusers`, `openai` and `tutorials` for scores;
`residual`, `torchvision` and `convnets` for classifiers; `energies` and `tutorials` for
energies.
"""

import dataclasses
import difflib
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
from jax import numpy as jnp

from purifax import nets
from purifax.energy import Tempered, checked_temperature
from purifax.types import Score
from purifax.weights.modules import describe, rebuild
from purifax.weights.predictions import PREDICTIONS, Prediction, process
from purifax.weights.shipped import FILE, card, find, names, unpack

__all__ = [
    "PREDICTIONS",
    "Prediction",
    "card",
    "describe",
    "energy",
    "image_shape",
    "load",
    "names",
    "prediction",
    "process",
    "rebuild",
    "role",
    "save",
    "score",
    "write",
]


def load(workdir: str | pathlib.Path, step: int | None = None) -> nets.Network:
    """Loads the network of a work directory: a callable of one image.

    Args:
        workdir: the folder, or the name of a folder in ``runs`` or else of weights that
            come with the package; here and in the functions below.
        step: which checkpoint; the last one by default.

    Returns:
        A classifier gives logits `[K]`. A score network gives what it predicts, such as
        the scaled score `f(x, sigma)`; see `prediction`, and `score` for a score
        whatever it is. The averaged weights are used.

    Raises:
        FileNotFoundError: no such folder, or no network or checkpoint in it.
    """
    folder = _folder(pathlib.Path(workdir))
    module = rebuild(_read(folder))
    return nets.Network(module, _variables(folder, step))


def image_shape(workdir: str | pathlib.Path) -> tuple[int, ...]:
    """(H, W, C) of the images that a work directory's network was made for.

    Raises:
        FileNotFoundError: no such folder, or no network in it.
    """
    return tuple(_read(_folder(pathlib.Path(workdir)))["image"])


def role(workdir: str | pathlib.Path) -> str:
    """What the network of a work directory is: "score", "classifier" or "energy".

    Raises:
        FileNotFoundError: no such folder, or no network in it.
    """
    return _read(_folder(pathlib.Path(workdir)))["role"]


def prediction(workdir: str | pathlib.Path) -> Prediction:
    """What the score network of a work directory predicts.

    Raises:
        FileNotFoundError: no such folder, or no network in it.
        ValueError: it is a classifier, or predicts what is unknown here.
    """
    folder = _folder(pathlib.Path(workdir))
    words = _read(folder)
    if words["role"] != "score":
        raise ValueError(f"{folder} holds {_a(words['role'])}, which gives no score.")
    known = [field.name for field in dataclasses.fields(Prediction)]
    return Prediction(**{name: words[name] for name in known if name in words})


def score(workdir: str | pathlib.Path, step: int | None = None) -> Score:
    """The score `(x, sigma) -> like x` of a work directory, whatever is predicted.

    Args:
        workdir: the folder, or the name of a folder in ``runs``.
        step: which checkpoint; the last one by default.

    Raises:
        FileNotFoundError: no such folder, or no network or checkpoint in it.
        ValueError: it is a classifier.
    """
    return prediction(workdir).score(load(workdir, step))


def energy(workdir: str | pathlib.Path, step: int | None = None) -> Tempered:
    """The energy `x -> []` of a work directory, over its temperature: p ~ exp(-E).

    Its fields `energy` and `temperature` are the network and what it was trained at.

    Args:
        workdir: the folder, or the name of a folder in ``runs``.
        step: which checkpoint; the last one by default.

    Raises:
        FileNotFoundError: no such folder, or no network or checkpoint in it.
        ValueError: it is no energy.
    """
    folder = _folder(pathlib.Path(workdir))
    words = _read(folder)
    if words["role"] != "energy":
        raise ValueError(f"{folder} holds {_a(words['role'])}, which gives no energy.")
    return Tempered(load(workdir, step), words["temperature"])


def write(
    workdir: str | pathlib.Path,
    module: nn.Module,
    shape: Sequence[int],
    role: str,
    predicts: Prediction | None = None,
    *,
    temperature: float = 1.0,
) -> None:
    """Writes ``network.json``, which tells `load` how to rebuild a module.

    Args:
        workdir: an existing folder.
        module: a module of `purifax.nets`.
        shape: of one image, (H, W, C).
        role: "score", "classifier" or "energy".
        predicts: what a score network predicts; None is the scaled score.
        temperature: T of p ~ exp(-E / T), where an energy was trained at it.

    Raises:
        ValueError: a temperature that is not positive.
    """
    words = {**describe(module), "image": list(shape), "role": role}
    if role == "score":
        words |= (predicts or Prediction()).words()
    if role == "energy":
        words |= {"temperature": float(checked_temperature(temperature))}
    path = pathlib.Path(workdir, "network.json")
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(words, indent=2) + "\n")
    part.replace(path)


def save(
    workdir: str | pathlib.Path,
    network: nets.Network,
    shape: Sequence[int],
    role: str,
    predicts: Prediction | None = None,
    *,
    temperature: float = 1.0,
) -> None:
    """Makes a work directory of a network from elsewhere, so commands can name it.

    Args:
        workdir: a new folder, or one without a checkpoint.
        shape: of one image, (H, W, C).
        role: "score", "classifier" or "energy".
        predicts: what a score network predicts; None is the scaled score.
        temperature: T of p ~ exp(-E / T), where an energy was trained at it.

    Raises:
        FileExistsError: the folder has a checkpoint already.
    """
    import orbax.checkpoint as ocp

    folder = pathlib.Path(workdir).absolute()
    if any((folder / "checkpoints").glob("*")):
        raise FileExistsError(f"{workdir} has a checkpoint already.")
    with ocp.CheckpointManager(folder / "checkpoints") as manager:
        item = ocp.args.StandardSave(network.variables)
        manager.save(0, args=ocp.args.Composite(ema=item))
    write(folder, network.module, shape, role, predicts, temperature=temperature)


def _a(role: str) -> str:
    return f"an {role}" if role == "energy" else f"a {role}"


def _folder(path: pathlib.Path) -> pathlib.Path:
    """The folder given, or that of this name in ``runs``, or shipped weights'."""
    named = pathlib.Path("runs", path)
    for folder in (path, named, find(str(path))):
        if folder is not None and folder.is_dir():
            return folder
    if path.name in names():
        hint = f" {path.name!r}, without a folder, comes with purifax."
    else:
        runs = sorted(p.name for p in pathlib.Path("runs").glob("*") if p.is_dir())
        near = difflib.get_close_matches(path.name, [*runs, *names()], n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
    raise FileNotFoundError(f"there is no work directory {path} or {named}.{hint}")


def _read(folder: pathlib.Path) -> dict[str, Any]:
    path = folder / "network.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} has no network.json: nothing was trained there."
        )
    return json.loads(path.read_text())


def _variables(folder: pathlib.Path, step: int | None) -> Any:
    """The item "ema" of a checkpoint, or what was shipped, on the default device.

    Only finished checkpoints have a bare number for a name. The devices of the run
    that saved it do not matter.
    """
    if (folder / FILE).is_file():
        return _shipped(folder, step)
    import orbax.checkpoint as ocp
    from etils import epath

    checkpoints = (folder / "checkpoints").absolute()
    steps = sorted(int(p.name) for p in checkpoints.glob("*") if p.name.isdigit())
    if not steps:
        raise FileNotFoundError(f"{folder} has no checkpoint yet.")
    if step is not None and step not in steps:
        raise FileNotFoundError(
            f"{folder} has no checkpoint of step {step}; it has {steps}."
        )
    path = epath.Path(checkpoints) / str(steps[-1] if step is None else step) / "ema"
    here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    handler = ocp.StandardCheckpointHandler()
    like = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=here),
        handler.metadata(path).tree,
    )
    return handler.restore(path, args=ocp.args.StandardRestore(like))


def _shipped(folder: pathlib.Path, step: int | None) -> Any:
    """The variables of shipped weights, which have one step."""
    words = json.loads((folder / "card.json").read_text())
    if step not in (None, words["steps"]):
        raise FileNotFoundError(
            f"{folder.name} has no checkpoint of step {step}; it has {words['steps']}."
        )
    content = (folder / FILE).read_bytes()
    return jax.tree.map(jnp.asarray, unpack(content, words["sha256"]))
