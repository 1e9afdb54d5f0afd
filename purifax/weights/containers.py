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
import json
import math
import pathlib
import pickle
import struct
import tarfile
import zipfile
import zlib
from typing import Any

import flax.serialization
import jax.numpy as jnp
import numpy as np

from purifax.weights import pickles

__all__ = ["read"]

# What PyTorch writes first into its older files.
_MAGIC = 0x1950A86A20F9469CFC6C

_SAFETENSORS = {
    "BOOL": np.dtype("?"),
    "U8": np.dtype("u1"),
    "I8": np.dtype("i1"),
    "I16": np.dtype("<i2"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(jnp.bfloat16),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
}

# What the parsers of the standard library and of Flax raise on damaged files.
_FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


def read(path: str | pathlib.Path) -> Any:
    """Read everything in a weight file as plain containers of NumPy arrays.

    Containers are dictionaries (ordered ones become plain), lists and tuples; arrays
    keep their layout, and bfloat16 becomes float32. An object of NVlabs' `persistence`
    becomes {"class_name": ..., "state": its attributes}, and a PyTorch module in it the
    dictionary of its attributes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the format is unknown, the file is damaged or truncated, or a pickle
            contains more than tensors and plain containers.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "state.npz")
    >>> np.savez(path, bias=np.zeros(3))
    >>> read(path)
    {'bias': array([0., 0., 0.])}
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}.")
    with path.open("rb") as file:
        head = file.read(512)
        file.seek(0)
        form, parse = _form(head, path.stat().st_size)
        if parse is None:
            raise ValueError(f"{path} is {form}, which is no file of weights.")
        try:
            return pickles.plain(parse(file))
        except pickles.Refused as error:
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
        return "a tar archive of PyTorch", _tar
    if head[0] == 0x80 and 2 <= head[1] <= 5:
        return "a pickle", _pickled
    if head[8:9] == b"{" and len(head) > 8:
        return "safetensors", _safetensors
    if head.startswith(b"\x89HDF"):
        return "HDF5 (save its arrays as .npz)", None
    if head.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS (run `git lfs pull`)", None
    if head[0] & 0xF0 == 0x80 or head[0] in (0xDE, 0xDF):
        return "msgpack of Flax", _msgpack
    return f"of an unknown form ({size} bytes that begin with {head[:8]!r})", None


def _zip(file: Any) -> Any:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        if all(name.endswith(".npy") for name in names):
            with np.load(file, allow_pickle=False) as arrays:
                return dict(arrays)
        roots = [n.removesuffix("data.pkl") for n in names if n.endswith("data.pkl")]
        if len(roots) != 1:
            raise ValueError("it has no `data.pkl`.")
        root = roots[0]
        if f"{root}byteorder" in names and archive.read(f"{root}byteorder") == b"big":
            raise ValueError("it was written by a big-endian machine.")
        known: dict[str, pickles.Storage] = {}

        def persistent(pid: Any) -> pickles.Storage:
            _, kind, key, _, count = pid
            if key not in known:
                raw = np.frombuffer(archive.read(f"{root}data/{key}"), np.uint8)
                known[key] = pickles.Storage(pickles.STORAGES[kind], raw)
            return known[key]

        pickle_file = io.BytesIO(archive.read(f"{root}data.pkl"))
        return pickles.load(pickle_file, persistent, _storage)


def _pickled(file: Any) -> Any:
    """A plain pickle, or PyTorch's: four pickles, the keys, and then the storages."""
    found = pickles.load(file, from_bytes=_storage)
    if found != _MAGIC:
        return found
    pickles.load(file)
    if not pickles.load(file).get("little_endian", True):
        raise ValueError("it was written by a big-endian machine.")
    known: dict[str, pickles.Storage] = {}

    def persistent(pid: Any) -> pickles.Storage:
        _, kind, key, _, count, *view = pid
        dtype = pickles.STORAGES[kind]
        if key not in known:
            known[key] = pickles.Storage(dtype, _room(file, count * dtype.itemsize))
        return _part(known[key], *view[0][1:]) if view and view[0] else known[key]

    found = pickles.load(file, persistent, _storage)
    for key in pickles.load(file):
        storage = known[key]
        (count,) = struct.unpack("<q", file.read(8))
        if count * storage.dtype.itemsize != storage.raw.size:
            raise ValueError(f"storage {key} has {count} elements.")
        _fill(file, storage.raw)
    return found


def _tar(file: Any) -> Any:
    """Storages, views of them, tensors, and the pickle that names the tensors."""
    with tarfile.open(fileobj=file, mode="r:") as archive:
        parts = {}
        for name in ("storages", "tensors", "pickle"):
            member = archive.extractfile(name)
            parts[name] = io.BytesIO(member.read() if member else b"")
    known: dict[int, Any] = {}
    part = parts["storages"]
    for _ in range(pickles.load(part)):
        key, _, kind = pickles.load(part)
        dtype = pickles.STORAGES[kind]
        (count,) = struct.unpack("<q", part.read(8))
        known[key] = pickles.Storage(dtype, _room(part, count * dtype.itemsize))
        _fill(part, known[key].raw)
    for key, root, offset, count in pickles.load(part):
        known[key] = _part(known[root], offset, count)
    part = parts["tensors"]
    for _ in range(pickles.load(part)):
        key, storage, _ = pickles.load(part)
        # The number of axes once took eight bytes.
        (axes,) = struct.unpack("<i4x", part.read(8))
        *shape, offset = struct.unpack(f"<{2 * axes + 1}q", part.read(16 * axes + 8))
        size, stride = tuple(shape[:axes]), tuple(shape[axes:])
        known[key] = pickles.tensor(known[storage], offset, size, stride)
    return pickles.load(parts["pickle"], lambda pid: known[int(_first(pid))])


def _first(pid: Any) -> Any:
    return pid[0] if isinstance(pid, tuple) else pid


def _storage(raw: bytes) -> Any:
    """The storage that PyTorch wrote into a string of bytes."""
    file = io.BytesIO(raw)
    return _zip(file) if raw.startswith(b"PK") else _pickled(file)


def _room(file: Any, size: int) -> np.ndarray:
    """A buffer of this many bytes, if the file can hold that many."""
    here = file.tell()
    left = file.seek(0, io.SEEK_END) - here
    file.seek(here)
    if not 0 <= size <= left:
        raise ValueError(f"{size} bytes of a storage are promised and {left} are left.")
    return np.zeros(size, np.uint8)


def _fill(file: Any, raw: np.ndarray) -> None:
    if file.readinto(raw) != raw.size:
        raise EOFError(f"the {raw.size} bytes of a storage are not all there.")


def _part(storage: pickles.Storage, offset: int, count: int) -> pickles.Storage:
    item = storage.dtype.itemsize
    raw = storage.raw[offset * item : (offset + count) * item]
    return pickles.Storage(storage.dtype, raw)


def _safetensors(file: Any) -> dict[str, np.ndarray]:
    """Eight bytes of length, a header in JSON, and the arrays one after the other."""
    raw = file.read()
    (length,) = struct.unpack_from("<Q", raw)
    header = json.loads(raw[8 : 8 + length])
    body = memoryview(raw)[8 + length :]
    arrays = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        dtype, shape = _SAFETENSORS[entry["dtype"]], entry["shape"]
        start, end = entry["data_offsets"]
        if end > len(body) or end - start != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{name} {tuple(shape)} is not all there.")
        arrays[name] = np.frombuffer(body[start:end], dtype).reshape(shape)
    return arrays


def _msgpack(file: Any) -> Any:
    return flax.serialization.msgpack_restore(file.read())
