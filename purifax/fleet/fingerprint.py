"""The identity of a job in one JSON file: two different jobs never share a folder.

The file, and every other record of a job, holds a checksum of its own words.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from purifax.data.files import place
from purifax.run.seal import unsealed

__all__ = [
    "Mismatch",
    "agree",
    "differences",
    "digest",
]


class Mismatch(ValueError):
    """The folder belongs to another job; the message names the difference."""


def digest(tree: Any) -> str:
    """sha256 of a pytree, such as a purifier: names, shapes, dtypes, bytes of leaves.

    >>> digest({"a": np.zeros(2)})[:8], digest({"a": np.ones(2)})[:8]
    ('597f4968', 'eeea00dc')
    """
    hashed = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        array = np.ascontiguousarray(leaf)
        name = jax.tree_util.keystr(path)
        hashed.update(f"{name} {array.dtype} {array.shape}".encode())
        hashed.update(array.tobytes())
    return hashed.hexdigest()


def agree(path: Any, words: Mapping[str, Any]) -> None:
    """Check that a job is the one whose identity is written.

    Raises:
        Mismatch: it is another; the message names the differences.
        ValueError: what is written is damaged.
        FileNotFoundError: nothing is written.

    >>> import tempfile
    >>> from purifax.run.seal import sealed
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = (place(folder) / "job").write_bytes(sealed({"seed": 0}))
    ...     agree(f"{folder}/job", {"seed": 0})
    """
    path = place(path)
    different = list(differences(unsealed(path), json.loads(json.dumps(words))))
    if different:
        raise Mismatch(
            f"{path.parent} holds another job: {'; '.join(different)}. Give another "
            "folder, or the same job to go on with it."
        )


def differences(there: Any, here: Any, name: str = "") -> Iterator[str]:
    """The differences between two trees of JSON, leaf by leaf, in words.

    >>> list(differences({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "c": 2}))
    ['a.b is 1 there and 3 here']
    """
    if isinstance(there, dict) and isinstance(here, dict):
        for key in dict.fromkeys((*there, *here)):
            inside = f"{name}.{key}" if name else key
            yield from differences(there.get(key), here.get(key), inside)
    elif there != here:
        yield f"{name} is {_short(there)} there and {_short(here)} here"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:28]}...{text[-28:]}"
