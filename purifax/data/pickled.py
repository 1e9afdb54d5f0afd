"""Where the pixels of a pickled CIFAR batch lie in their file, which are not read.

Python 2 pickled an array with its bytes as they are, behind their number. A small
machine of Python's own takes the rest of the pickle in; that in C would read all of it.
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
"""Bytes of an image, and of a text that is left where it is."""


def placed(file: BinaryIO, start: int) -> tuple[int, np.ndarray] | None:
    """Where the first pixel of a batch is, and its labels, int64 [n].

    Args:
        file: in which the batch begins at `start`.

    Returns:
        None where the n x 3072 pixels do not lie one after another, or where this is
        no batch: who unpickles all of it can say what is wrong.

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
    return pixels.start, np.asarray(labels, np.int64)


@dataclass(frozen=True)
class _Place:
    """Bytes of a file."""

    start: int
    size: int


class _Array:
    """An array of which only the description is read."""

    def __init__(self, *what: Any) -> None:
        del what

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state


def _take_text(machine: Any) -> None:
    """Puts a text on the stack, or where it is if it is long."""
    (size,) = struct.unpack("<i", machine.read(4))
    if size < LONG:
        machine.append(machine.read(size).decode("latin1"))
        return
    machine.append(_Place(machine.file.tell(), size))
    machine.file.seek(size, io.SEEK_CUR)


class _Places(pickle._Unpickler):
    """Unpickles a batch; of long texts it tells where they are."""

    dispatch = {**pickle._Unpickler.dispatch, pickle.BINSTRING[0]: _take_text}

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="latin1")
        self.file = file

    def find_class(self, module: str, name: str) -> Any:
        check_call(module, name)
        return _Array if name == "_reconstruct" else super().find_class(module, name)
