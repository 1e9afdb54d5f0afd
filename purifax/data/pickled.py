"""Locate the pixels of a pickled CIFAR batch in its file without reading them.

Python 2 pickled an array as its length and its raw bytes. Python's pure-Python
unpickler reads the rest of the pickle; the one in C would read all of it.
"""

import io
import math
import pickle
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from purifax.data.cifar import check_call

__all__ = ["placed"]

LONG = 3072
"""Bytes of an image; byte strings of this length or more are not read."""


def placed(file: BinaryIO, start: int) -> tuple[int, np.ndarray] | None:
    """The position of the first pixel of a batch, and its labels, [n].

    Args:
        file: a file in which the batch begins at `start`.

    Returns:
        None where the n x 3072 pixels are not contiguous, or where this is not a batch:
        unpickling all of it then says what is wrong.

    >>> file = io.BytesIO(pickle.dumps({"labels": [3]}))
    >>> placed(file, 0) is None
    True
    """
    file.seek(start)
    try:
        batch = _Places(file).load()
        labels = batch["fine_labels" if "fine_labels" in batch else "labels"]
        _, shape, dtype, fortran, pixels = batch["data"].state
    except Exception:  # a damaged pickle raises nearly anything
        return None
    whole = len(labels), LONG
    if shape != whole or dtype != np.uint8 or fortran:
        return None
    if not isinstance(pixels, _Place) or pixels.size != math.prod(whole):
        return None
    return pixels.start, np.asarray(labels)


@dataclass(frozen=True)
class _Place:
    """A range of bytes in a file."""

    start: int
    size: int


class _Array:
    """An array whose description is read, but not its values."""

    def __init__(self, *what: Any) -> None:
        del what

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state


def _take_text(machine: Any) -> None:
    """Put a byte string on the stack; of a long one, its position only."""
    (size,) = struct.unpack("<i", machine.read(4))
    if size < LONG:
        machine.append(machine.read(size).decode("latin1"))
        return
    machine.append(_Place(machine.file.tell(), size))
    machine.file.seek(size, io.SEEK_CUR)


class _Places(pickle._Unpickler):
    """Unpickles a batch, with the positions of long byte strings in their place."""

    dispatch = {**pickle._Unpickler.dispatch, pickle.BINSTRING[0]: _take_text}

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="latin1")
        self.file = file

    def find_class(self, module: str, name: str) -> Any:
        check_call(module, name)
        return _Array if name == "_reconstruct" else super().find_class(module, name)
