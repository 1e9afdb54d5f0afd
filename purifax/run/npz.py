"""Files of arrays by name: ours with a checksum, and those of others within a budget.

`write` stores arrays as NumPy does, and the sha256 of all of them as the comment of the
archive, where no other reader sees it; `read` compares. `arrays` reads any .npz, and
allocates nothing that its budget does not have.
"""

import hashlib
import io
import math
import os
import pathlib
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from purifax.run.budget import Budget, Refused

__all__ = ["FAULTS", "Damaged", "arrays", "member", "npy", "opened", "read", "write"]

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

FAULTS = (
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What the parsers of the standard library and of NumPy raise on damaged files."""

_ROOM = 2**31
"""Bytes that one of our files may take beside eight times its size: the outcomes of an
evaluation, most of which are alike, compress well."""


class Damaged(ValueError):
    """A file cannot be read as it was written.

    Attributes:
        words: what is wrong with it.
    """

    def __init__(self, path: pathlib.Path, words: str) -> None:
        super().__init__(f"{path} cannot be read: it is damaged ({words}).")
        self.words = words


def write(
    path: pathlib.Path,
    content: Mapping[str, np.ndarray],
    name: str = "",
    *,
    compressed: bool = False,
) -> None:
    """Write arrays by name, whole or not at all; the same content gives the same bytes.

    Args:
        name: of what the file holds, which `read` must be given too: a file that takes
            the place of another one is noticed.
    """
    part = path.with_name(path.name + ".part")
    with part.open("w+b") as file:
        save: Any = np.savez_compressed if compressed else np.savez
        save(file, allow_pickle=False, **content)
        with zipfile.ZipFile(file, "a") as archive:
            archive.comment = _digest(content, name)
    os.replace(part, path)


def read(path: pathlib.Path, name: str = "") -> dict[str, np.ndarray]:
    """Read the arrays of `write`, or of NumPy, whose files have no checksum.

    Raises:
        FileNotFoundError: there is no such file.
        Damaged: it is damaged, or holds something else.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}.")
    try:
        with path.open("rb") as file:
            found = arrays(file, Budget(path.stat().st_size, _ROOM), bytearray)
            with zipfile.ZipFile(file) as archive:
                wanted = archive.comment
    except FAULTS as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise Damaged(path, words) from None
    if wanted and wanted != _digest(found, name):
        raise Damaged(path, "its checksum is another one")
    return found


def _digest(content: Mapping[str, np.ndarray], name: str) -> bytes:
    """The sha256 of arrays with their names and shapes."""
    digest = hashlib.sha256(name.encode())
    for key, value in content.items():
        array = np.asarray(value)
        # A dtype that NumPy does not have, such as bfloat16, is stored as bare bytes.
        digest.update(f"{key} {array.dtype.itemsize} {array.shape}".encode())
        digest.update(array.tobytes())
    return f"sha256 {digest.hexdigest()}".encode()


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


def arrays(
    file: Any, budget: Budget, hold: type[bytes] | type[bytearray] = bytes
) -> dict[str, np.ndarray]:
    """The arrays of an .npz, by name; those held in a bytearray can be written to."""
    with opened(file) as archive:
        return {
            name.removesuffix(".npy"): npy(hold(member(archive, name, budget)))
            for name in archive.namelist()
        }


_HEADER = 2**17
"""Bytes that hold the header of any array, which NumPy limits to 10,000."""


def npy(content: bytes | bytearray) -> np.ndarray:
    """The array of an .npy, in the memory of its bytes.

    Raises:
        ValueError: it has another size than its header says, or holds no numbers.

    >>> stream = io.BytesIO()
    >>> np.save(stream, np.arange(3))
    >>> npy(stream.getvalue()).tolist()
    [0, 1, 2]
    """
    file = io.BytesIO(content[:_HEADER])
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
