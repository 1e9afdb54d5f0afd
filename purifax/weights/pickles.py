"""A reader of untrusted pickles, which runs nothing that they name.

A pickle is a program that may call everything it can import. This reader accepts
tensors, numbers and plain containers, by a table of names, has `stand_ins` for the
metadata that programs store beside them, and refuses everything else.
Objects whose class is inside the pickle (NVlabs' `persistence`) become dictionaries of
their state; their source code is neither run nor kept.
"""

import collections
import io
import pickle
import sys
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from purifax.run import pickle_sizes
from purifax.run.budget import Budget, Refused, left
from purifax.weights import pickle_objects
from purifax.weights.pickle_objects import (
    STORAGES,
    Stateful,
    Storage,
    as_bytes,
    tensor,
)
from purifax.weights.stand_ins import StandIn, replacement

__all__ = ["STORAGES", "Storage", "load", "plain", "tensor"]

# Classes whose instances are read as a dictionary of their state.
_MODULES = {
    ("torch.nn.modules.container", "ModuleDict"),
    ("torch.nn.modules.container", "ModuleList"),
    ("torch.nn.modules.container", "Sequential"),
    ("torch.nn.modules.linear", "Identity"),
}


def load(
    file: io.BufferedIOBase | io.BytesIO,
    persistent: Callable[[Any], Any] | None = None,
    from_bytes: Callable[[bytes], Any] | None = None,
    budget: Budget | None = None,
) -> Any:
    """Read the next object of a pickle: plain containers of arrays that may be views.

    Args:
        file: at the start of a pickle; afterwards at its end.
        persistent: returns the object of a persistent id.
        from_bytes: returns the storage that PyTorch wrote inside a string of bytes.
        budget: of the memory; that of what is left of the file by default.

    Raises:
        Refused: the pickle names something else, which the message states, or asks for
            too much memory.

    >>> load(io.BytesIO(pickle.dumps({"epoch": 3, "loss": [0.5]})))
    {'epoch': 3, 'loss': [0.5]}
    >>> try:
    ...     load(io.BytesIO(pickle.dumps(print)))
    ... except Refused as error:
    ...     print(error)
    it contains `builtins.print`, which is no tensor and no plain container.
    """
    budget = Budget(left(file)) if budget is None else budget
    pickle_sizes.check(file, budget)
    admitted = _admitted(from_bytes, budget)
    return _Unpickler(file, admitted, persistent, _copying(budget)).load()


def plain(value: Any, budget: Budget | None = None) -> Any:
    """A copy in dictionaries, lists, tuples and arrays that own their memory.

    bfloat16 becomes float32, which NumPy has.

    Args:
        budget: of the memory of the copy; None is any.

    Raises:
        Refused: it contains something else, or there is less memory.
        ValueError: it contains itself.

    >>> plain(collections.OrderedDict(a=[np.ones(1, jnp.bfloat16)]))
    {'a': [array([1.], dtype=float32)]}
    """
    budget = Budget(0, sys.maxsize) if budget is None else budget
    copy, places = _plain(value, {}, budget)
    budget.take(8 * places)
    return copy


_Copies = dict[int, tuple[Any, int]]


def _plain(value: Any, done: _Copies, budget: Budget) -> tuple[Any, int]:
    """The copy of a value, and the number of places in it.

    `done` maps each container to these, so that shared ones stay shared; a program that
    walks through the tree comes to them each time, and so their places count each time.
    """
    kinds = bool | int | float | complex | str | bytes | StandIn
    if value is None or isinstance(value, kinds):
        return value, 1
    if id(value) not in done:
        done[id(value)] = _Unfinished, 0
        done[id(value)] = _made(value, done, budget)
    if done[id(value)][0] is _Unfinished:
        raise ValueError("it contains a container that contains itself.")
    return done[id(value)]


def _made(value: Any, done: _Copies, budget: Budget) -> tuple[Any, int]:
    if isinstance(value, pickle_objects.Array):
        value = value.array
    if isinstance(value, np.ndarray):
        kind = np.dtype(np.float32) if value.dtype == jnp.bfloat16 else value.dtype
        budget.take(value.size * kind.itemsize)
        return np.array(value, kind), 1
    if isinstance(value, Stateful):
        return _plain(value.state, done, budget)
    if not isinstance(value, dict | list | tuple | set | frozenset):
        raise Refused(f"it contains a {type(value).__name__} where data should be.")
    items = value.values() if isinstance(value, dict) else value
    copies = [_plain(item, done, budget) for item in items]
    items, places = [copy for copy, _ in copies], 1 + sum(n for _, n in copies)
    if isinstance(value, dict):
        return dict(zip(value, items, strict=True)), places
    return tuple(items) if isinstance(value, tuple) else items, places


class _Unfinished:
    """Marks a container whose parts are still being read."""


class _Unpickler(pickle.Unpickler):
    """An unpickler that looks names up in a table and never in modules."""

    def __init__(
        self,
        file: Any,
        admitted: dict[Any, Any],
        persistent: Callable | None,
        copying: Callable[[type], type],
    ) -> None:
        super().__init__(file, encoding="latin1")
        self._admitted = admitted
        self._copying = copying
        self._persistent = persistent

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        name = module_name, global_name
        found = self._admitted.get(name)
        if found is None:
            found = replacement(module_name, global_name, self._copying)
        if found is None:
            raise Refused(
                f"it contains `{module_name}.{global_name}`, which is no tensor "
                "and no plain container."
            )
        return found

    def persistent_load(self, pid: Any) -> Any:
        if self._persistent is None:
            raise ValueError("it refers to storages that it does not have.")
        return self._persistent(pid)


def _admitted(
    from_bytes: Callable | None, budget: Budget
) -> dict[tuple[str, str], Any]:
    """The names that a pickle may use, and our replacement for each.

    The replacements are made anew for each pickle, so that one cannot change them for
    the next. Those that copy what they are given take its size from the budget.
    """

    class Module(Stateful):
        pass

    table = _containers(budget) | _numpy(budget) | _torch(budget)
    table |= dict.fromkeys(_MODULES, Module)
    if from_bytes is not None:
        table["torch.storage", "_load_from_bytes"] = _opening(from_bytes, budget)
    return table


def _copying(budget: Budget) -> Callable[[type], type]:
    """Containers that take the size of what they copy from the budget."""

    def copying(cls: type) -> type:
        class Copying(cls):
            def __init__(self, *given: Any) -> None:
                budget.take(64 * sum(map(len, given)))
                super().__init__(*given)

        return Copying

    return copying


def _containers(budget: Budget) -> dict[tuple[str, str], Any]:
    """Dictionaries, lists, sets and bytes."""
    copying = _copying(budget)

    def encode(text: str, encoding: str) -> bytes:
        budget.take(len(text))
        return text.encode("latin1")

    builtin = {"set": copying(set), "dict": copying(dict), "list": copying(list)}
    return {
        ("collections", "OrderedDict"): copying(collections.OrderedDict),
        ("_codecs", "encode"): encode,
        ("dnnlib.util", "EasyDict"): copying(dict),
    } | {(m, k): v for m in ("builtins", "__builtin__") for k, v in builtin.items()}


def _numpy(budget: Budget) -> dict[tuple[str, str], Any]:
    """Arrays, scalars and dtypes."""

    class Array(pickle_objects.Array):
        def __setstate__(self, state: tuple[Any, ...]) -> None:
            budget.take(len(state[4]))
            super().__setstate__(state)

    class Kind(pickle_objects.Kind):
        pass

    def whole(raw: Any, kind: Any, shape: Any, order: str) -> Any:
        """An array of protocol 5."""
        budget.take(len(raw))
        made = pickle_objects.Array()
        flat = np.frombuffer(raw, kind.dtype)
        made.array = flat.reshape(shape, order="F" if order == "F" else "C")
        return made

    def scalar(kind: pickle_objects.Kind, raw: bytes | str = b"") -> Any:
        return np.frombuffer(as_bytes(raw), kind.dtype)[0].item()

    table = {("numpy", "ndarray"): "ndarray", ("numpy", "dtype"): Kind}
    table |= {(f"numpy{c}.numeric", "_frombuffer"): whole for c in (".core", "._core")}
    return table | {
        (f"numpy{core}.multiarray", name): made
        for core in (".core", "._core")
        for name, made in (("scalar", scalar), ("_reconstruct", lambda *_: Array()))
    }


def _torch(budget: Budget) -> dict[tuple[str, str], Any]:
    """Tensors, their storages, and objects that were stored with their source."""

    def rebuild(storage: Any, offset: int, size: Any, stride: Any, *_: Any) -> Any:
        return tensor(storage, offset, size, stride)

    def parameter(data: Any, *_: Any) -> Any:
        return data

    def persistent_object(meta: dict[str, Any]) -> dict[str, Any]:
        return {"class_name": meta["class_name"], "state": meta["state"]}

    def size(numbers: Any) -> tuple[Any, ...]:
        budget.take(64 * len(numbers))
        return tuple(numbers)

    def rebuilt(cls: Any, *_: Any) -> Any:
        if isinstance(cls, type) and issubclass(cls, StandIn):
            return cls()
        raise Refused("it rebuilds an object that is no plain container.")

    return {
        ("copyreg", "_reconstructor"): rebuilt,
        ("copy_reg", "_reconstructor"): rebuilt,
        ("builtins", "object"): "object",
        ("__builtin__", "object"): "object",
        ("torch", "Size"): size,
        ("torch._utils", "_rebuild_tensor"): rebuild,
        ("torch._utils", "_rebuild_tensor_v2"): rebuild,
        ("torch._utils", "_rebuild_parameter"): parameter,
        ("torch_utils.persistence", "_reconstruct_persistent_obj"): persistent_object,
        **{("torch", name): name for name in STORAGES},
    }


def _opening(from_bytes: Callable, budget: Budget) -> Callable[[bytes], Any]:
    """Reads a storage that was stored as bytes, of which the budget pays a copy."""

    def opened(raw: bytes) -> Any:
        budget.take(len(raw))
        return from_bytes(raw)

    return opened
