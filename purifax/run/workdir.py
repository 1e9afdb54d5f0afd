"""A work directory: one run of one config, self-describing and never overwritten."""

import hashlib
import json
import math
import os
import pathlib
import platform
import subprocess
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from purifax.run import config as configlib
from purifax.run import json_text, places

__all__ = [
    "check",
    "claim",
    "clock",
    "fingerprint",
    "read_json",
    "stored",
    "versions",
    "write_json",
]


OTHERS = ("job.json", "network.json", "dataset_info.json", "comparison.json")
"""Files of folders that are no work directories of a config."""


def read_json(path: pathlib.Path, *names: str) -> Any:
    """Reads a JSON file.

    Args:
        names: what must be in it, where it holds an object; none for any content.

    Raises:
        ValueError: it is damaged; the file is named.
    """
    found = json_text.read(path, dict if names else None)
    missing = [n for n in names if n not in found]
    if missing:
        raise ValueError(
            f"{path} is damaged: it has no {' and no '.join(missing)}. Restore it from "
            "a copy, or give another --workdir."
        )
    return found


def write_json(path: pathlib.Path, value: object, indent: int | None = 2) -> None:
    """Writes a JSON file whole or not at all; a number that is not finite as null."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(json_text.finite(value), indent=indent) + "\n")
    os.replace(part, path)


def check(folder: pathlib.Path, config: Any, may_grow: tuple[str, ...] = ()) -> None:
    """Checks that `folder` is free, or is the work directory of `config`.

    Args:
        folder: need not exist.
        config: any config type.
        may_grow: fields whose number may be larger, whose list longer at its end, and
            whose recipes more, than recorded.

    Raises:
        ValueError: the folder belongs to another config; the fields are named.
    """
    places.on_disk("the work directory", folder)
    path = folder / "config.json"
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; --workdir must name a folder.")
    if not path.exists():
        for name in OTHERS:
            if (folder / name).exists():
                raise ValueError(
                    f"{folder} holds {name}, which another command wrote; give another "
                    "--workdir."
                )
        return
    found = stored(path)
    changed = configlib.differences(found, config)
    refused = [
        f"{name} is {old} there and {new} here"
        for name, old, new in changed
        if not (
            name in may_grow and _grown(old, new) or _is_more(found, name, may_grow)
        )
    ]
    if refused:
        raise ValueError(
            f"{folder} holds a run of another config: {'; '.join(refused)}. "
            "Give another --workdir, or the same config to resume."
        )


def stored(path: pathlib.Path) -> dict[str, Any]:
    """The JSON of a config.

    Raises:
        ValueError: it is none, or that of a version which wrote configs otherwise.
    """
    stored = read_json(path, "kind")
    if not isinstance(stored["kind"], str):
        raise ValueError(f"{path} is not the config of a run.")
    if isinstance(stored.get("defence"), dict):
        raise ValueError(
            f"{path} was written by a version of purifax before 0.2, which had no "
            "recipes; its report can be read, but not resumed. Give another --workdir."
        )
    return stored


def _is_more(stored: dict[str, Any], name: str, may_grow: tuple[str, ...]) -> bool:
    """Whether a dotted name is that of a recipe which was not among those stored."""
    field, _, entry = name.partition(".")
    there = stored.get(field)
    if field not in may_grow or not isinstance(there, dict):
        return False
    return not any(f"{entry}.".startswith(f"{known}.") for known in there)


def _grown(old: Any, new: Any) -> bool:
    if isinstance(old, list) and isinstance(new, list | tuple):
        return len(new) > len(old) and list(new[: len(old)]) == old
    numbers = all(isinstance(one, int | float) for one in (old, new))
    return numbers and new > old


def claim(folder: pathlib.Path, config: Any) -> None:
    """Makes `folder` the work directory of `config`: it writes ``config.json``.

    Raises:
        ValueError: the config holds a number that is not finite.
    """
    plain = config if isinstance(config, Mapping) else configlib.encode(config)
    for name, value in configlib.flat(plain).items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name} is {value}, which config.json cannot hold.")
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", plain)


def fingerprint(tree: Any) -> str:
    """sha256 of the leaves of a tree of arrays: names, shapes, dtypes and bytes."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        array = np.ascontiguousarray(leaf)
        name = jax.tree_util.keystr(path)
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def clock(folder: pathlib.Path, seconds: float) -> float:
    """Adds a command's seconds to ``clock.json``; the sum over all commands so far.

    What a killed command spent is not in it.
    """
    path = folder / "clock.json"
    before = read_json(path, "seconds")["seconds"] if path.is_file() else 0.0
    if not isinstance(before, int | float) or isinstance(before, bool) or before < 0:
        raise ValueError(f"{path} holds no `seconds` of 0 or more; got {before!r:.40}.")
    write_json(path, {"seconds": before + seconds})
    return before + seconds


def _commit() -> str:
    """The commit of the checkout that runs, and whether its files were changed."""
    here = pathlib.Path(__file__).parent
    git = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        found = subprocess.run(git, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "no git checkout"
    return found.stdout.strip()


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on, and the kind of devices used."""
    import flax
    import optax
    import orbax.checkpoint

    import purifax

    devices = jax.devices()
    return {
        "purifax": f"{purifax.__version__} ({_commit()})",
        "python": platform.python_version(),
        "jax": jax.__version__,
        "flax": flax.__version__,
        "optax": optax.__version__,
        "orbax": orbax.checkpoint.__version__,
        "numpy": np.__version__,
        "devices": f"{len(devices)} x {devices[0].device_kind}",
    }
