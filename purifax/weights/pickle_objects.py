"""What a pickle of weights is made of: storages, tensors, NumPy's arrays and dtypes."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from purifax.run.budget import Refused

__all__ = ["STORAGES", "Array", "Kind", "Stateful", "Storage", "as_bytes", "tensor"]

STORAGES = {
    "BFloat16Storage": np.dtype(jnp.bfloat16),
    "BoolStorage": np.dtype("?"),
    "ByteStorage": np.dtype("u1"),
    "CharStorage": np.dtype("i1"),
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "IntStorage": np.dtype("<i4"),
    "LongStorage": np.dtype("<i8"),
    "ShortStorage": np.dtype("<i2"),
}
"""PyTorch's classes of storages, and what they hold."""


@dataclass(frozen=True)
class Storage:
    """The memory of tensors: raw bytes, which may be filled later, and their type."""

    dtype: np.dtype
    raw: np.ndarray


def tensor(
    storage: Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...]
) -> np.ndarray:
    """A view of a storage.

    Args:
        offset, stride: in elements.

    Raises:
        ValueError: the view leaves the storage, or repeats its elements.

    >>> memory = Storage(np.dtype("<f4"), np.zeros(24, np.uint8))
    >>> tensor(memory, 0, (2, 3), (3, 1)).shape
    (2, 3)
    """
    if not isinstance(storage, Storage):
        raise ValueError(f"a tensor is made from a {type(storage).__name__}.")
    item = storage.dtype.itemsize
    if np.prod(size, dtype=object) * item > storage.raw.size:
        raise ValueError(f"a tensor {tuple(size)} is larger than what is stored of it.")
    return np.ndarray(
        tuple(size),
        storage.dtype,
        buffer=storage.raw,
        offset=offset * item,
        strides=tuple(step * item for step in stride),
    )


class Stateful:
    """An object without a class: its state alone."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class Kind:
    """A NumPy dtype of numbers, by its code, such as "f8"."""

    def __init__(self, code: str, *_: Any) -> None:
        self.dtype = np.dtype(code)
        if self.dtype.kind not in "fiub":
            raise Refused(f"it contains an array of {code!r}, which are no numbers.")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.dtype = self.dtype.newbyteorder(state[1] if state[1] in "<>" else "=")


class Array:
    """A NumPy array, which is complete once its state has been set."""

    array: np.ndarray

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, fortran, raw = state
        flat = np.frombuffer(as_bytes(raw), kind.dtype)
        self.array = flat.reshape(shape, order="F" if fortran else "C")


def as_bytes(raw: bytes | str) -> bytes:
    """The bytes of a string that Python 2 pickled as one of Latin letters."""
    return raw.encode("latin1") if isinstance(raw, str) else raw
