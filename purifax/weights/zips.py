"""Members of a zip archive and arrays of NumPy's files, no larger than they promise."""

import io
import math
import zipfile
from typing import Any

import numpy as np

from purifax.weights.budget import Budget, Refused

__all__ = ["arrays", "member", "npy", "opened"]

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def opened(file: Any) -> zipfile.ZipFile:
    """The archive in a file.

    Raises:
        Refused: two members have one name, or one is compressed in a way that neither
            PyTorch nor NumPy uses.
    """
    archive = zipfile.ZipFile(file)
    seen = set()
    for info in archive.infolist():
        if info.filename in seen:
            raise Refused(f"two of its members are called {info.filename!r}.")
        if info.compress_type not in _METHODS:
            raise Refused(
                f"{info.filename!r} is compressed by method "
                f"{info.compress_type}, which PyTorch and NumPy do not use."
            )
        seen.add(info.filename)
    return archive


def member(archive: zipfile.ZipFile, name: str, budget: Budget) -> bytes:
    """The bytes of a member, whose checksum is verified.

    Raises:
        Refused: there is less memory than its size.
        zipfile.BadZipFile: it is damaged.
    """
    size = archive.getinfo(name).file_size
    budget.take(size)
    with archive.open(name) as file:
        content = file.read(size)
        if len(content) != size or file.read(1):
            raise zipfile.BadZipFile(f"{name!r} has not the size that is promised.")
    return content


def arrays(file: Any, budget: Budget) -> dict[str, np.ndarray]:
    """The arrays of an .npz, by name."""
    with opened(file) as archive:
        return {
            name.removesuffix(".npy"): npy(member(archive, name, budget))
            for name in archive.namelist()
        }


def npy(content: bytes) -> np.ndarray:
    """The array of an .npy, in the memory of its bytes.

    Raises:
        ValueError: it has another size than its header says, or holds no numbers.

    >>> stream = io.BytesIO()
    >>> np.save(stream, np.arange(3))
    >>> npy(stream.getvalue()).tolist()
    [0, 1, 2]
    """
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"an array is written in version {version} of .npy.")
    shape, fortran, dtype = readers[version](file)
    if dtype.hasobject:
        raise Refused("an array of it holds Python objects, which are no numbers.")
    start = file.tell()
    if math.prod(shape) * dtype.itemsize != len(content) - start:
        raise ValueError(
            f"an array {dtype} {shape} has {len(content) - start} bytes in it."
        )
    flat = np.frombuffer(content, dtype, offset=start)
    return flat.reshape(shape, order="F" if fortran else "C")
