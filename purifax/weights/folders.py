"""Where weights lie, and what is read from there: the description and the arrays."""

import difflib
import pathlib
from typing import Any

import jax
from jax import numpy as jnp

from purifax.recipe.spelling import nearest
from purifax.run import json_text, seal
from purifax.run.budget import Budget
from purifax.weights import digests
from purifax.weights.shipped import FILE, find, names, unpack

__all__ = ["CODER", "arrays", "description", "item", "resolve"]

CODER = "autoencoder"
"""The folder within that of a network of latents which holds its autoencoder."""


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
    alone = inside != str(path) or path.is_absolute()
    looked = f"{path}" if alone else f"{path} or {named}"
    raise FileNotFoundError(f"there is no work directory {looked}.{hint}")


def description(folder: pathlib.Path) -> dict[str, Any]:
    """What ``network.json`` of a folder says.

    Raises:
        FileNotFoundError: the folder has none.
        ValueError: it is damaged, lacks a field, or has one that is unknown here and
            may change what the network computes; the message names it.
    """
    path = folder / "network.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} has no network.json: nothing was trained there."
        )
    words = json_text.read(path, dict)
    for name, (fits, wanted) in _FIELDS.items():
        if not fits(words.get(name)):
            found = f"{words[name]!r:.60}" if name in words else "nothing"
            raise ValueError(f"{path}: `{name}` must be {wanted}; got {found}.")
    needs = ("temperature",) if words["role"] == "energy" else ()
    needs += {None: ("fields",), "linen": ("fields",), "built": ("arguments",)}.get(
        words.get("kind"), ()
    )
    missing = [name for name in needs if words.get(name) is None]
    if missing:
        raise ValueError(f"{path} has no {' and no '.join(map(repr, missing))}.")
    for name in words:
        if name not in (*_FIELDS, "checksum"):
            hint = nearest(name, list(_FIELDS))
            raise ValueError(
                f"{path} has a field {name!r:.60}, which is not known here and may "
                f"change what the network computes{hint}"
            )
    return seal.opened(path, words)


def _number(value: Any) -> bool:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return value is None or real and abs(value) < 1e30


def _positive(value: Any) -> bool:
    return _number(value) and (value is None or value > 0)


def _shape(value: Any) -> bool:
    """Of an image or a signal: two or three sizes."""
    sizes = value if isinstance(value, list) else []
    return 2 <= len(sizes) <= 3 and all(type(n) is int and 0 < n < 2**16 for n in sizes)


def _process(value: Any) -> bool:
    """A name and numbers of which no process has larger ones, or a list of them."""
    if value is None or not isinstance(value, dict):
        return value is None
    name, *numbers = value.get("name"), *(value[n] for n in value if n != "name")
    flat = [n for one in numbers for n in (one if isinstance(one, list) else [one])]
    return isinstance(name, str) and all(
        isinstance(n, int | float) and not isinstance(n, bool) and 0 <= n < 1e6
        for n in flat
    )


def _dictionary(value: Any) -> bool:
    return value is None or isinstance(value, dict)


# The fields of network.json, whether a value fits (None where it may be left out), and
# what it must be.
_FIELDS: dict[str, tuple[Any, str]] = {
    "module": (lambda value: isinstance(value, str) and value, "the name of a module"),
    "role": (
        lambda value: value in ("score", "classifier", "energy", "autoencoder"),
        "score, classifier, energy or autoencoder",
    ),
    "image": (_shape, "the sizes of one image, [height, width, channels]"),
    "kind": (lambda value: value is None or isinstance(value, str), "a name"),
    "fields": (_dictionary, "a dictionary"),
    "arguments": (_dictionary, "a dictionary"),
    "predicts": (lambda value: value is None or isinstance(value, str), "a name"),
    "process": (_process, "a dictionary of a `name` and numbers from 0 to a million"),
    "centre": (_number, "a number"),
    "width": (_positive, "a positive number"),
    "label_scale": (_number, "a number"),
    "label_start": (_number, "a number"),
    "temperature": (_positive, "a positive number"),
    "autoencoder": (lambda value: value in (None, CODER), f"{CODER!r}"),
    "converted": (_dictionary, "a dictionary"),
}


def arrays(folder: pathlib.Path, step: int | None = None) -> Any:
    """The item "ema" of a checkpoint, or shipped variables, on the default device.

    Only finished checkpoints have a bare number as their name. The devices of the run
    that saved one do not matter.

    Args:
        step: which checkpoint; the last one by default.

    Raises:
        FileNotFoundError: there is no checkpoint, or none of this step.
        ValueError: the checkpoint or shipped weights are damaged, or a training has not
            come to its end and `step` does not name one of its checkpoints.
    """
    if (folder / FILE).is_file():
        return _shipped(folder, step)
    found = _checkpoints(folder)
    if not found:
        raise FileNotFoundError(f"{folder} has no checkpoint yet.")
    if step is None:
        _check_finished(folder, max(found))
    wanted = max(found) if step is None else step
    if wanted not in found:
        raise FileNotFoundError(
            f"{folder} has no checkpoint of step {step}; it has {sorted(found)}."
        )
    if fault := digests.damage(found[wanted], ["ema"]):
        others = [f"step={number}" for number in sorted(found) if number != wanted]
        raise ValueError(
            f"{found[wanted]} is damaged: {fault}. Restore it from a copy, run its "
            "training again, which goes on from the newest whole checkpoint, or load "
            f"another one ({', '.join(others) or 'there is none'})."
        )
    return item(found[wanted], "ema")


def _checkpoints(folder: pathlib.Path) -> dict[int, pathlib.Path]:
    """The folders of the checkpoints by their steps; an empty folder is none."""
    named = (p for p in (folder / "checkpoints").glob("*") if p.name.isdecimal())
    return {int(path.name): path for path in named if any(path.glob("*"))}


def item(checkpoint: pathlib.Path, name: str) -> Any:
    """The arrays of an item of a checkpoint, on the default device.

    Raises:
        FileNotFoundError: the checkpoint has no such item.
        ValueError: the arrays cannot be read, or are far larger than their files.
    """
    import orbax.checkpoint as ocp
    from etils import epath

    path = epath.Path(checkpoint.absolute()) / name
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is not there; is the checkpoint damaged?")
    here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    handler = ocp.StandardCheckpointHandler()
    try:
        like = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=here),
            handler.metadata(path).tree,
        )
        _affordable(path, like)
        return handler.restore(path, args=ocp.args.StandardRestore(like))
    except Exception as error:  # damaged files make the readers raise anything
        raise ValueError(
            f"{path} cannot be read: {type(error).__name__}: {error}"
        ) from error


def _affordable(path: Any, like: Any) -> None:
    """Refuse a checkpoint of arrays that its files are far too small for.

    Raises:
        ValueError: it is.
    """
    stored = sum(file.stat().st_size for file in pathlib.Path(path).rglob("*"))
    try:
        Budget(stored).take(
            sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(like))
        )
    except ValueError as error:
        raise ValueError(f"{path} is not read: {error}") from None


def _check_finished(folder: pathlib.Path, last: int) -> None:
    """Refuse what a training has saved on its way as what it has come to."""
    path = folder / "config.json"
    words = json_text.read(path) if path.is_file() else {}
    settings = words.get("train") if isinstance(words, dict) else None
    whole = settings.get("steps", 0) if isinstance(settings, dict) else 0
    if last < whole:
        raise ValueError(
            f"{folder} is an unfinished training ({last} of {whole} steps): run its "
            f"command again to finish it, or load it with step={last}."
        )


def _shipped(folder: pathlib.Path, step: int | None) -> Any:
    """The variables of shipped weights, which have one step."""
    path = folder / "card.json"
    words = json_text.read(path, dict)
    if type(words.get("steps")) is not int or not isinstance(words.get("sha256"), str):
        raise ValueError(f"{path} needs `steps`, a number, and `sha256`, a word.")
    if step not in (None, words["steps"]):
        raise FileNotFoundError(
            f"{folder.name} has no checkpoint of step {step}; it has {words['steps']}."
        )
    content = (folder / FILE).read_bytes()
    return jax.tree.map(jnp.asarray, unpack(content, words["sha256"]))
