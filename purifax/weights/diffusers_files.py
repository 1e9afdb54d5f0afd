"""The files in which diffusers stores the arrays of one model.

diffusion_pytorch_model.safetensors                       or .bin
diffusion_pytorch_model.fp16.safetensors                  of a variant
diffusion_pytorch_model.safetensors.index.json            of shards, by their names
diffusion_pytorch_model.safetensors.index.fp16.json       of shards of a variant
diffusion_pytorch_model.fp16.safetensors.index.json       by other versions
"""

import pathlib
import re
from typing import Any

import numpy as np

from purifax.run import json_text
from purifax.weights import containers
from purifax.weights.states import few

__all__ = ["arrays"]

_STEM = "diffusion_pytorch_model"
_KINDS = ("safetensors", "bin")


def arrays(folder: pathlib.Path, variant: str = "") -> dict[str, np.ndarray]:
    """The arrays of a model by name.

    Args:
        variant: such as "fp16"; "" is none, or the only one that there is.

    Raises:
        FileNotFoundError: there are no such weights, or a shard is missing.
        ValueError: there are several variants and none was named; or an index is
            damaged, or names files elsewhere or arrays that are not there.
    """
    found = _variants(folder)
    if variant not in found:
        named = [name for name in found if name]
        if variant or not named:
            hint = f" It has the variants {', '.join(named)}." if named else ""
            plain = " nor ".join(f"{_STEM}.{kind}" for kind in _KINDS)
            words = (
                f"no weights of variant {variant!r}" if variant else "neither " + plain
            )
            raise FileNotFoundError(f"{folder} has {words}.{hint}")
        if len(named) > 1:
            raise ValueError(f"{folder} has several variants: {', '.join(named)}.")
        variant = named[0]
    path = found[variant]
    return _sharded(path) if path.suffix == ".json" else containers.read(path)


def _variants(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """The file or index of each variant; safetensors before pickles."""
    found: dict[str, pathlib.Path] = {}
    for kind in _KINDS:
        one = rf"{_STEM}(?:\.(\w+))?\.{kind}"
        forms = (one, rf"{one}\.index\.json", rf"{_STEM}\.{kind}\.index\.(\w+)\.json")
        for path in sorted(folder.glob(f"{_STEM}*")):
            for form in forms:
                match = re.fullmatch(form, path.name)
                if match:
                    found.setdefault(match[1] or "", path)
    return found


def _sharded(index: pathlib.Path) -> dict[str, np.ndarray]:
    """The arrays of all shards, each in the one that the index says."""
    places = json_text.read(index, dict).get("weight_map")
    if not isinstance(places, dict) or not all(map(_plain, places.values())):
        raise ValueError(
            f"{index} has no `weight_map` of arrays to files in its folder."
        )
    made: dict[str, Any] = {}
    for file in sorted(set(places.values())):
        made |= {
            name: array
            for name, array in containers.read(index.parent / file).items()
            if places.get(name) == file
        }
    missing = sorted(places.keys() - made.keys())
    if missing:
        raise ValueError(f"{index} names arrays that are in no shard: {few(missing)}.")
    return made


def _plain(name: Any) -> bool:
    return isinstance(name, str) and pathlib.PurePath(name).name == name
