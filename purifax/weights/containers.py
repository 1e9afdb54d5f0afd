"""Readers of weight files of other libraries, without those libraries.

    PyTorch      archives (.pt, .pth, .bin, .th), the pickles that it wrote before
                 version 1.6, and the tar files before those
    pickles      of plain containers, and NVlabs' EDM networks
    safetensors  Hugging Face's
    msgpack      Flax's, whole train states included
    npz          NumPy's

The format is detected from the first bytes and not from the name. No code in a file is
run: pickles are read by `purifax.weights.pickles`.
"""

import io
import pathlib
import pickle
import tarfile
from typing import Any

from purifax.run import npz
from purifax.run.budget import ROOM, Bounded, Budget, Refused
from purifax.weights import flax_files, pickles, safetensors, torch_files

__all__ = ["read"]

_FAULTS = (
    *npz.FAULTS,
    AssertionError,
    AttributeError,
    pickle.UnpicklingError,
    tarfile.TarError,
)
"""What the parsers of Python and of Flax raise on damaged files."""


def read(path: str | pathlib.Path, *, room: int = ROOM) -> Any:
    """Read everything in a weight file as plain containers of NumPy arrays.

    Containers are dictionaries (ordered ones become plain), lists and tuples; arrays
    keep their layout, and bfloat16 becomes float32. An object of NVlabs' `persistence`
    becomes {"class_name": ..., "state": its attributes}, and a PyTorch module in it the
    dictionary of its attributes.

    Args:
        room: bytes of memory that it may take beside eight times its size.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the format is unknown, the file is damaged or truncated, a pickle
            contains more than tensors and plain containers, or it asks for too much
            memory.

    >>> import os, tempfile
    >>> import numpy as np
    >>> path = os.path.join(tempfile.mkdtemp(), "state.npz")
    >>> np.savez(path, bias=np.zeros(3))
    >>> read(path)
    {'bias': array([0., 0., 0.])}
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}.")
    with Bounded(io.FileIO(path)) as file:
        head, size = file.read(512), path.stat().st_size
        file.seek(0)
        budget = Budget(size, room)
        form, parse = _form(head, size)
        if parse is None:
            raise ValueError(f"{path} is {form}, which is no file of weights.")
        try:
            return pickles.plain(parse(file, budget), budget)
        except Refused as error:
            raise ValueError(f"{path} is {form}, and is not read: {error}") from error
        except _FAULTS as error:
            words = " ".join(str(error).split()) or type(error).__name__
            raise ValueError(
                f"{path} cannot be read as {form}; is it cut short? {words}"
            ) from error


def _form(head: bytes, size: int) -> tuple[str, Any]:
    """The format of a file in words, and its parser; None for an unknown format."""
    if len(head) < 2:
        return "empty", None
    if head.startswith(b"PK\x03\x04"):
        return "a zip archive of PyTorch or NumPy", _zip
    if head[257:262] == b"ustar":
        return "a tar archive of PyTorch", torch_files.tar
    if head[0] == 0x80 and 2 <= head[1] <= 5:
        return "a pickle", torch_files.pickled
    if head[8:9] == b"{" and len(head) > 8:
        return "safetensors", safetensors.read
    if head.startswith(b"\x89HDF"):
        return "HDF5 (save its arrays as .npz)", None
    if head.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS (run `git lfs pull`)", None
    if head[0] & 0xF0 == 0x80 or head[0] in (0xDE, 0xDF):
        return "msgpack of Flax", flax_files.read
    return f"of an unknown form ({size} bytes that begin with {head[:8]!r})", None


def _zip(file: Any, budget: Budget) -> Any:
    with npz.opened(file) as archive:
        numpy = all(name.endswith(".npy") for name in archive.namelist())
    return (npz.arrays if numpy else torch_files.archive)(file, budget)
