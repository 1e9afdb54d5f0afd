"""Where weights lie, and what is read from there: the description and the arrays."""

import difflib
import json
import pathlib
from typing import Any

import jax
from jax import numpy as jnp

from purifax.weights.shipped import FILE, find, names, unpack

__all__ = ["arrays", "description", "resolve"]


def resolve(place: str | pathlib.Path) -> pathlib.Path:
    """The folder that a place means: a work directory, or else shipped weights.

    The first that exists of: the folder `place` itself; the folder of this name in
    ``runs``; the weights of this name that come with the package. ``runs/NAME`` means
    the shipped weights NAME where there is no such folder, so that a config may name
    the work directory of a training run which nobody has repeated yet.

    Raises:
        FileNotFoundError: there is none of them; the nearest name is given.

    >>> resolve("runs/digits_dsm") == resolve("digits_dsm")
    True
    """
    path = pathlib.Path(place)
    named = pathlib.Path("runs", path)
    inside = path.name if path.parent == pathlib.Path("runs") else str(path)
    for folder in (path, named, find(inside)):
        if folder is not None and folder.is_dir():
            return folder
    if path.name in names():
        hint = f" Weights named {path.name!r} come with purifax: give the name alone."
    else:
        runs = sorted(p.name for p in pathlib.Path("runs").glob("*") if p.is_dir())
        near = difflib.get_close_matches(path.name, [*runs, *names()], n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
    looked = f"{path}" if inside != str(path) else f"{path} or {named}"
    raise FileNotFoundError(f"there is no work directory {looked}.{hint}")


def description(folder: pathlib.Path) -> dict[str, Any]:
    """What ``network.json`` of a folder says.

    Raises:
        FileNotFoundError: the folder has none.
    """
    path = folder / "network.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} has no network.json: nothing was trained there."
        )
    return json.loads(path.read_text())


def arrays(folder: pathlib.Path, step: int | None = None) -> Any:
    """The item "ema" of a checkpoint, or shipped variables, on the default device.

    Only finished checkpoints have a bare number as their name. The devices of the run
    that saved one do not matter.

    Args:
        step: which checkpoint; the last one by default.

    Raises:
        FileNotFoundError: there is no checkpoint, or none of this step.
        ValueError: shipped weights are damaged.
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
