"""Trained weights that come with the package, each with a card that says what it is.

A folder of `pretrained` is a work directory in little: ``network.json``, the averaged
variables in ``weights.npz`` instead of a checkpoint, ``card.json`` with its text in
``card.md``, and a picture. Parameters are stored as float16 and loaded as float32;
running averages are stored as they are. The card says how much that changes an answer.
"""

import hashlib
import io
import json
import pathlib
import zipfile
from typing import Any

import numpy as np

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
    """The folder of the shipped weights of a name; None if there are none.

    >>> find("digits_dms") is None
    True
    """
    return ROOT / name if name in names() else None


def card(name: str) -> dict[str, Any]:
    """What is known of shipped weights, in plain values.

    Args:
        name: one of `names()`.

    Returns:
        Among others "data", "config", "command", "seconds" of training, "validation"
        and "test" (what training measured), "stored" (what was measured of the
        shipped file), "sha256" of the file, and "purify", the purifier advised.

    Raises:
        FileNotFoundError: there are none of this name.

    >>> card("digits_dsm")["data"]["set"]
    'digits'
    """
    folder = find(name)
    if folder is None:
        raise FileNotFoundError(
            f"no weights {name!r} come with purifax; known: {', '.join(names())}."
        )
    return json.loads((folder / "card.json").read_text())


def pack(variables: Any) -> bytes:
    """Variables as an .npz: parameters as float16, what is not a parameter as it is.

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
    """The variables of an .npz that `pack` made, parameters as float32.

    Args:
        sha256: what the content must hash to.

    Raises:
        ValueError: the content is damaged, or another.
    """
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(
            "these weights are not those of their card: the file is damaged or was "
            "changed. Install purifax again."
        )
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
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
    found: dict[str, Any] = {}
    for name, value in tree.items():
        found |= _flat(value, f"{prefix}{name}/")
    return found
