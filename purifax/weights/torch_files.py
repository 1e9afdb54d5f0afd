"""PyTorch's files: archives since version 1.6, the pickles before them, and older tars.

A tensor is a view of a storage; views share the storage here too, until they are
copied.
"""

import io
import struct
import tarfile
from collections.abc import Callable
from typing import Any

import numpy as np

from purifax.run import npz
from purifax.run.budget import Budget, left
from purifax.weights import pickles

__all__ = ["archive", "pickled", "tar"]

# What PyTorch writes first into its older files.
_MAGIC = 0x1950A86A20F9469CFC6C


def archive(file: Any, budget: Budget) -> Any:
    """The object of a zip archive: a pickle, and a member for each storage."""
    with npz.opened(file) as members:
        names = members.namelist()
        roots = [n.removesuffix("data.pkl") for n in names if n.endswith("data.pkl")]
        if len(roots) != 1:
            raise ValueError("it has no `data.pkl`.")
        root, order = roots[0], f"{roots[0]}byteorder"
        if order in names and npz.member(members, order, budget) == b"big":
            raise ValueError("it was written by a big-endian machine.")
        known: dict[str, pickles.Storage] = {}

        def persistent(pid: Any) -> pickles.Storage:
            _, kind, key, _, count = pid
            if key not in known:
                content = npz.member(members, f"{root}data/{key}", budget)
                raw = np.frombuffer(content, np.uint8)
                known[key] = pickles.Storage(pickles.STORAGES[kind], raw)
            return _promised(key, known[key], kind, count)

        text = io.BytesIO(npz.member(members, f"{root}data.pkl", budget))
        return pickles.load(text, persistent, _inside(budget), budget)


def pickled(file: Any, budget: Budget) -> Any:
    """A plain pickle, or PyTorch's: four pickles, the keys, and then the storages."""
    found = pickles.load(file, None, _inside(budget), budget)
    if found != _MAGIC:
        return found
    pickles.load(file, budget=budget)
    if not pickles.load(file, budget=budget).get("little_endian", True):
        raise ValueError("it was written by a big-endian machine.")
    known: dict[str, pickles.Storage] = {}

    def persistent(pid: Any) -> pickles.Storage:
        _, kind, key, _, count, *view = pid
        if key not in known:
            known[key] = _room(file, kind, count, budget)
        whole = _promised(key, known[key], kind, count)
        return _part(whole, *view[0][1:]) if view and view[0] else whole

    found = pickles.load(file, persistent, _inside(budget), budget)
    for key in pickles.load(file, budget=budget):
        (count,) = struct.unpack("<q", file.read(8))
        _fill(file, _promised(key, known[key], None, count))
    return found


def tar(file: Any, budget: Budget) -> Any:
    """Storages, views of them, tensors, and the pickle that names the tensors."""
    with tarfile.open(fileobj=file, mode="r:") as members:
        parts = {}
        for name in ("storages", "tensors", "pickle"):
            budget.take(members.getmember(name).size)
            member = members.extractfile(name)
            parts[name] = io.BytesIO(member.read() if member else b"")
    known: dict[int, Any] = {}
    part = parts["storages"]
    for _ in range(pickles.load(part, budget=budget)):
        key, _, kind = pickles.load(part, budget=budget)
        (count,) = struct.unpack("<q", part.read(8))
        known[key] = _room(part, kind, count, budget)
        _fill(part, known[key])
    for key, root, offset, count in pickles.load(part, budget=budget):
        known[key] = _part(known[root], offset, count)
    part = parts["tensors"]
    for _ in range(pickles.load(part, budget=budget)):
        key, storage, _ = pickles.load(part, budget=budget)
        # The number of axes once took eight bytes.
        (axes,) = struct.unpack("<i4x", part.read(8))
        if not 0 <= axes <= left(part) // 16:
            raise ValueError(f"a tensor of {axes} axes is promised.")
        *shape, offset = struct.unpack(f"<{2 * axes + 1}q", part.read(16 * axes + 8))
        size, stride = tuple(shape[:axes]), tuple(shape[axes:])
        known[key] = pickles.tensor(known[storage], offset, size, stride)
    text = parts["pickle"]
    return pickles.load(text, lambda pid: known[int(_first(pid))], None, budget)


def _first(pid: Any) -> Any:
    return pid[0] if isinstance(pid, tuple) else pid


def _inside(budget: Budget) -> Callable[[bytes], Any]:
    """The reader of a storage that PyTorch wrote into a string of bytes."""

    def read(raw: bytes) -> Any:
        read = archive if raw.startswith(b"PK") else pickled
        return read(io.BytesIO(raw), budget)

    return read


def _promised(
    key: Any, storage: pickles.Storage, kind: str | None, count: int
) -> pickles.Storage:
    """A storage, which must be of this kind, if one is given, and of this length."""
    if kind is not None and pickles.STORAGES[kind] != storage.dtype:
        raise ValueError(f"storage {key} is of {storage.dtype} and of {kind}.")
    held = storage.raw.size // storage.dtype.itemsize
    if count * storage.dtype.itemsize != storage.raw.size:
        raise ValueError(f"storage {key} has {held} elements, and not {count}.")
    return storage


def _room(file: Any, kind: str, count: int, budget: Budget) -> pickles.Storage:
    """A storage to be filled from a file that must be long enough."""
    dtype = pickles.STORAGES[kind]
    size = count * dtype.itemsize
    if not 0 <= size <= left(file):
        raise ValueError(
            f"{size} bytes of a storage are promised and {left(file)} are left."
        )
    budget.take(size)
    return pickles.Storage(dtype, np.zeros(size, np.uint8))


def _fill(file: Any, storage: pickles.Storage) -> None:
    if file.readinto(storage.raw) != storage.raw.size:
        raise EOFError(f"the {storage.raw.size} bytes of a storage are not all there.")


def _part(storage: pickles.Storage, offset: int, count: int) -> pickles.Storage:
    """A view of a storage, inside it."""
    item = storage.dtype.itemsize
    if not 0 <= offset <= offset + count <= storage.raw.size // item:
        raise ValueError(
            f"{count} elements from {offset} on are not all in a storage of "
            f"{storage.raw.size // item}."
        )
    raw = storage.raw[offset * item : (offset + count) * item]
    return pickles.Storage(storage.dtype, raw)
