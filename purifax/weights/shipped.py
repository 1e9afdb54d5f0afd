"""Trained weights that come with the package, each described by a card.

A folder of `pretrained` is a small work directory: ``network.json``, the averaged
variables in ``weights.npz`` instead of a checkpoint, ``card.json`` with its text in
``card.md``, and a picture. Parameters are stored as float16 and loaded as float32;
running averages are stored unchanged. The card says how much that changes outputs.
"""

import hashlib
import io
import pathlib
from typing import Any

import numpy as np

from purifax.run import json_text, npz
from purifax.run.budget import Budget

__all__ = ["FILE", "card", "find", "names", "pack", "unpack"]

ROOT = pathlib.Path(__file__).parent / "pretrained"
FILE = "weights.npz"


def names() -> tuple[str, ...]:
    """Names of the weights that come with the package, for `weights.load`.

    >>> "digits_dsm" in names()
    True
    """
    return tuple(sorted(path.parent.name for path in ROOT.glob(f"*/{FILE}")))


def find(name: str) -> pathlib.Path | None:
    """The folder of the shipped weights of this name; None if there are none.

    >>> find("digits_dms") is None
    True
    """
    return ROOT / name if name in names() else None


def card(name: str) -> dict[str, Any]:
    """The card of shipped weights, in plain values.

    Args:
        name: one of `names()`.

    Returns:
        Among others "data", "config", "command", "seconds" of training, "validation"
        and "test" (measured in training), "stored" (measured with the shipped file),
        "sha256" of the file, and "purify", the recommended purifier.

    Raises:
        FileNotFoundError: no shipped weights have this name.

    >>> card("digits_dsm")["data"]["set"]
    'digits'
    """
    folder = find(name)
    if folder is None:
        raise FileNotFoundError(
            f"no weights {name!r} come with purifax; known: {', '.join(names())}."
        )
    return json_text.read(folder / "card.json", dict)


def pack(variables: Any) -> bytes:
    """Pack variables as an .npz: parameters as float16, other arrays unchanged.

    Raises:
        ValueError: a parameter too large for float16.

    >>> unpack(pack({"params": {"w": np.full(2, 0.5, np.float32)}}))
    {'params': {'w': array([0.5, 0.5], dtype=float32)}}
    """
    arrays = {}
    for name, value in _flat(variables).items():
        small = name.startswith("params/")
        with np.errstate(over="ignore"):  # infinities are told of here
            arrays[name] = np.asarray(value, np.float16 if small else None)
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} has values that float16 cannot hold.")
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def unpack(content: bytes, sha256: str | None = None) -> dict[str, Any]:
    """Unpack the variables of an .npz made by `pack`, with parameters as float32.

    Args:
        sha256: the wanted hash of the content; None is not checked.

    Raises:
        ValueError: the content is damaged, or its hash differs.
    """
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(
            "these weights are not those of their card: the file is damaged or was "
            "changed. Install purifax again."
        )
    try:
        arrays = npz.arrays(io.BytesIO(content), Budget(len(content)))
    except npz.FAULTS as error:
        raise ValueError(f"the weights cannot be read ({error}).") from None
    variables: dict[str, Any] = {}
    for name, array in arrays.items():
        *nodes, leaf = name.split("/")
        inside = variables
        for node in nodes:
            inside = inside.setdefault(node, {})
        inside[leaf] = array.astype(np.float32) if array.dtype == np.float16 else array
    return variables


def _flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """A tree of dicts as one, with "/" between the names."""
    if not hasattr(tree, "items"):
        return {prefix.rstrip("/"): tree}
    leaves: dict[str, Any] = {}
    for name, value in tree.items():
        leaves |= _flat(value, f"{prefix}{name}/")
    return leaves
