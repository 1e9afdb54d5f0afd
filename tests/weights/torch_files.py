"""Writes files as PyTorch and NVlabs do, without them, for tests of our readers."""

import collections
import io
import pickle
import struct
import tarfile
import zipfile
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

__all__ = ["Call", "Named", "archive", "dumps", "edm", "legacy", "state", "tar"]

KINDS = {
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "int64": "LongStorage",
    "bool": "BoolStorage",
}


class Named(NamedTuple):
    """Something that a pickle finds by its module and name."""

    module: str
    name: str


class Call(NamedTuple):
    """What a named function gives for these arguments."""

    function: Named
    arguments: tuple


class Instance(NamedTuple):
    """An object of a named class, with its state."""

    kind: Named
    state: Any


class Reference(NamedTuple):
    """Something that is stored outside the pickle."""

    key: Any


class Pickler(pickle._Pickler):
    """Python's own, which is told how to write what cannot be imported here."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_named(self, obj):
        self.write(f"c{obj.module}\n{obj.name}\n".encode())

    def save_call(self, obj):
        self.save_named(obj.function)
        self.save(obj.arguments)
        self.write(pickle.REDUCE)

    def save_instance(self, obj):
        self.save_named(obj.kind)
        self.write(pickle.EMPTY_TUPLE + pickle.NEWOBJ)
        self.save(obj.state)
        self.write(pickle.BUILD)

    dispatch[Named] = save_named
    dispatch[Call] = save_call
    dispatch[Instance] = save_instance

    def persistent_id(self, obj):
        return obj.key if isinstance(obj, Reference) else None


def dumps(value):
    file = io.BytesIO()
    Pickler(file, protocol=2).dump(value)
    return file.getvalue()


def state():
    """Arrays of several types; "conv.half" is a part of the memory of another."""
    random = np.random.RandomState(0)
    kernel = random.standard_normal((4, 3, 2, 2)).astype(np.float32)
    return {
        "conv.weight": kernel,
        "conv.half": kernel[1:3].transpose(1, 0, 2, 3),
        "steps": np.array(7),
        "short": random.standard_normal(5).astype(np.float16),
        "brain": random.standard_normal(5).astype(jnp.bfloat16),
        "mask": np.array([True, False]),
    }


def archive(value):
    """A zip archive as PyTorch has written it since version 1.6."""
    storages = {}
    text = dumps(_referred(value, storages))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("archive/data.pkl", text)
        made.writestr("archive/version", "3\n")
        made.writestr("archive/byteorder", "little")
        for key, memory in storages.items():
            made.writestr(f"archive/data/{key}", memory.tobytes())
    return file.getvalue()


def legacy(value):
    """Pickles, and the storages after them, as PyTorch wrote them before."""
    storages = {}
    text = dumps(_referred(value, storages, None))
    about = {"protocol_version": 1001, "little_endian": True}
    parts = [*map(dumps, (0x1950A86A20F9469CFC6C, 1001, about)), text]
    parts.append(dumps(list(storages)))
    for memory in storages.values():
        parts += [struct.pack("<q", memory.size), memory.tobytes()]
    return b"".join(parts)


def tar(value):
    """Storages, tensors and a pickle in a tar archive, as the first PyTorch did."""
    storages, tensors = dumps(len(value)), dumps(len(value))
    for i, array in enumerate(value.values()):
        array = np.ascontiguousarray(array).reshape(array.shape)
        storages += dumps((i, "cpu", _kind(array))) + struct.pack("<q", array.size)
        storages += array.tobytes()
        numbers = [*array.shape, *(step // array.itemsize for step in array.strides), 0]
        tensors += dumps((100 + i, i, Named("torch", "FloatStorage")))
        tensors += struct.pack(f"<i4x{len(numbers)}q", array.ndim, *numbers)
    names = {name: Reference(str(100 + i)) for i, name in enumerate(value)}
    parts = {"storages": storages + dumps([]), "tensors": tensors}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as made:
        for name, part in (parts | {"pickle": dumps(names)}).items():
            member = tarfile.TarInfo(name)
            member.size = len(part)
            made.addfile(member, io.BytesIO(part))
    return file.getvalue()


def edm(arrays, kwargs, class_name="EDMPrecond", inner=("Part", {})):
    """A pickle of a network whose classes travel inside it as source code.

    Args:
        arrays: by dotted names; those with "filter" in their last part are buffers,
            and "enc" and "dec" are PyTorch's own dictionaries of modules.
        kwargs: what the outer object was made with.
        inner: class, and what it was made with, of the object inside named "model".
    """
    tree = {}
    for name, array in arrays.items():
        *path, leaf = name.split(".")
        node = tree
        for step in path:
            node = node.setdefault(step, {})
        node[leaf] = array
    network = _module(tree, class_name, kwargs, {"model": inner})
    return dumps({"ema": network, "loss_fn": None})


def _module(tree, class_name, kwargs, known):
    """`known`: class and words of the modules that have some."""
    parameters, buffers, modules = ({}, {}, {})
    for name, item in tree.items():
        if isinstance(item, dict):
            kind, words = known.get(name, ("Part", {}))
            kind = None if name in ("enc", "dec") else kind
            modules[name] = _module(item, kind, words, known)
        elif "filter" in name:
            buffers[name] = _embedded(item)
        else:
            called = Named("torch._utils", "_rebuild_parameter")
            parameters[name] = Call(called, (_embedded(item), True, {}))
    attributes = {
        "training": False,
        "_parameters": collections.OrderedDict(parameters),
        "_buffers": collections.OrderedDict(buffers),
        "_non_persistent_buffers_set": set(),
        "_modules": collections.OrderedDict(modules),
    }
    if class_name is None:
        return Instance(Named("torch.nn.modules.container", "ModuleDict"), attributes)
    meta = {
        "type": "class",
        "version": 6,
        "module_src": "raise SystemExit('the source was run')",
        "class_name": class_name,
        "state": attributes | {"_init_args": (), "_init_kwargs": kwargs},
    }
    called = Named("torch_utils.persistence", "_reconstruct_persistent_obj")
    return Call(called, (meta,))


def _embedded(array):
    """A tensor in a plain pickle: its storage is a file in a string of bytes."""
    storages = {}
    reference = _storage(array, storages, None)
    about = {"protocol_version": 1001, "little_endian": True}
    parts = [*map(dumps, (0x1950A86A20F9469CFC6C, 1001, about)), dumps(reference)]
    parts.append(dumps(list(storages)))
    parts += [struct.pack("<q", array.size), array.tobytes()]
    raw = Call(Named("torch.storage", "_load_from_bytes"), (b"".join(parts),))
    return _tensor(array, raw, 0)


def _referred(value, storages, *view):
    """The same with tensors for arrays, whose memory is put into `storages`.

    Args:
        view: what the older files add to a reference: (key, offset, size) or None.
    """
    if isinstance(value, dict):
        items = {name: _referred(item, storages, *view) for name, item in value.items()}
        return collections.OrderedDict(items)
    if isinstance(value, list):
        return [_referred(item, storages, *view) for item in value]
    if not isinstance(value, np.ndarray):
        return value
    memory = value if value.base is None else value.base
    offset = (value.ctypes.data - memory.ctypes.data) // value.itemsize
    return _tensor(value, _storage(memory, storages, *view), offset)


def _storage(memory, storages, *view):
    keys = [key for key, known in storages.items() if known is memory]
    key = keys[0] if keys else str(len(storages))
    storages[key] = memory
    return Reference(("storage", _kind(memory), key, "cpu", memory.size, *view))


def _tensor(array, storage, offset):
    stride = tuple(step // array.itemsize for step in array.strides)
    found = storage, offset, array.shape, stride, False, collections.OrderedDict()
    return Call(Named("torch._utils", "_rebuild_tensor_v2"), found)


def _kind(array):
    return Named("torch", KINDS[array.dtype.name])
