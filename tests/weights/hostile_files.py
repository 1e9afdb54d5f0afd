"""Small files that ask for much memory, or whose parts contradict each other."""

import collections
import io
import json
import pickle
import struct
import tarfile
import zipfile

import numpy as np
from weights import torch_files

__all__ = ["BOMBS", "CONTRADICTIONS", "named", "safetensors"]

FLOATS = torch_files.Named("torch", "FloatStorage")


def zipped(members, method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        for name, content in members:
            made.writestr(name, content)
    return file.getvalue()


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npy_of(shape, content=b"", dtype="<f4"):
    """An .npy whose header promises a shape."""
    words = {"descr": dtype, "fortran_order": False, "shape": shape}
    text = (repr(words) + "\n").encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def safetensors(header, body=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = len(text) if length is None else length
    return struct.pack("<Q", size) + text + body


def named(dtype, shape, start, end, **more):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]} | more


def views(count, elements):
    """Tensors that share one compressed storage of zeros."""
    reference = torch_files.Reference(("storage", FLOATS, "0", "cpu", elements))
    called = torch_files.Named("torch._utils", "_rebuild_tensor_v2")
    words = reference, 0, (elements,), (1,), False, collections.OrderedDict()
    state = {f"view{i}": torch_files.Call(called, words) for i in range(count)}
    text = torch_files.dumps(state)
    return zipped([("a/data.pkl", text), ("a/data/0", bytes(4 * elements))])


def storages(count, elements):
    """A legacy file that promises the same bytes as many storages."""
    about = {"protocol_version": 1001, "little_endian": True}
    parts = [*map(torch_files.dumps, (0x1950A86A20F9469CFC6C, 1001, about))]
    keys = [
        torch_files.Reference(("storage", FLOATS, str(i), "cpu", elements, None))
        for i in range(count)
    ]
    return b"".join([*parts, torch_files.dumps(keys), bytes(4 * elements)])


def copies(count, size):
    """One long text, encoded again and again."""
    text = b"\x80\x02(" + b"X" + struct.pack("<I", size) + bytes(size) + b"q\x00"
    again = b"c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R"
    return text + count * again + b"l."


def doubled(depth):
    """A dictionary that holds another one twice, and so on."""
    value = {"w": 1.0}
    for _ in range(depth):
        value = {"a": value, "b": value}
    return pickle.dumps({"state_dict": value}, 2)


def lying_size(size):
    """A member that is 4 bytes by its headers, and more once it is decompressed."""
    raw = zipped([("a/data.pkl", bytes(size))])
    return raw.replace(struct.pack("<I", size), struct.pack("<I", 4))


def sparse_tar(size):
    """A member of holes alone, which GNU's tar writes in one block."""
    member = tarfile.TarInfo("storages")
    member.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.map": f"{size},0",
        "GNU.sparse.size": str(size),
    }
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as made:
        made.addfile(member)
        for name in ("tensors", "pickle"):
            made.addfile(tarfile.TarInfo(name))
    return file.getvalue()


GB = 2**30
TWICE = {"a": named("F32", [2], 0, 8), "b": named("F32", [2], 0, 8)}
WIDE = {f"v{i}": named("U8", [10**6], 0, 10**6) for i in range(300)}

BOMBS = {
    "memo of a pickle": lambda: b"\x80\x02]r\xff\xff\xff\x7f.",
    "memo in digits": lambda: b"\x80\x02]p2147483647\n.",
    "bytes of a pickle": lambda: b"\x80\x04\x8e" + struct.pack("<Q", 8 * GB) + b"ab.",
    "text of a pickle": lambda: b"\x80\x02X" + struct.pack("<I", 3 * GB) + b"ab.",
    "integer of a pickle": lambda: (
        b"\x80\x02\x8b" + struct.pack("<i", 2 * GB - 1) + b"ab."
    ),
    "frame of a pickle": lambda: b"\x80\x04\x95" + struct.pack("<Q", 4 * GB) + b"N.",
    "empty sets": lambda: b"\x80\x04(" + 2**20 * b"\x8f" + b"l.",
    "copies of a text": lambda: copies(3000, 2**20),
    "a tree of shared branches": lambda: doubled(40),
    "views of one storage": lambda: views(300, 2_500_000),
    "storages of the same bytes": lambda: storages(3000, 250_000),
    "zeros in a zip": lambda: zipped([("w.npy", npy(np.zeros(2**27, np.uint8)))]),
    "an array of a promised shape": lambda: zipped(
        [("w.npy", npy_of((2**40,), bytes(8)))]
    ),
    "a storage of zeros": lambda: views(1, 2**25),
    "a lie about the size of a member": lambda: lying_size(2**27),
    "bzip2": lambda: zipped([("a/data.pkl", bytes(2**26))], zipfile.ZIP_BZIP2),
    "overlapping safetensors": lambda: safetensors(WIDE, bytes(10**6)),
    "a long header of safetensors": lambda: safetensors({}, length=2**40),
    "lists of msgpack": lambda: (
        b"\x81\xa1a" + 1000 * (b"\xdd" + struct.pack(">I", 2**20)) + bytes(2**20)
    ),
    "a list of an extension": lambda: (
        b"\x81\xa1a\xc8\xff\xff\x01"
        + (90 * b"\xdc\xff\x00" + bytes(2**16))[: 2**16 - 1]
    ),
    "holes of a tar": lambda: sparse_tar(8 * GB),
}
"""What makes files of at most 2.5 megabytes that once took gigabytes, or could."""

CONTRADICTIONS = {
    "overlap": (safetensors(TWICE, bytes(8)), "b overlaps the array before it"),
    "hole": (
        safetensors({"a": named("F32", [1], 4, 8)}, bytes(8)),
        "a leaves a hole behind",
    ),
    "rest": (
        safetensors({"a": named("F32", [1], 0, 4)}, bytes(8)),
        "4 bytes belong to no array",
    ),
    "negative offset": (
        safetensors({"a": named("F32", [1], -4, 0)}, bytes(4)),
        r"data_offsets \[-4, 0\]; it takes counts",
    ),
    "negative shape": (
        safetensors({"a": named("F32", [-1, -2], 0, 8)}, bytes(8)),
        r"shape \[-1, -2\]; it takes counts",
    ),
    "offset of a half": (
        safetensors({"a": named("F32", [1], 0, 4.0)}, bytes(4)),
        "it takes counts",
    ),
    "true as a shape": (
        safetensors({"a": named("F32", [True], 0, 4)}, bytes(4)),
        "it takes counts",
    ),
    "offsets backwards": (
        safetensors({"a": named("F32", [0], 4, 0)}, bytes(4)),
        "no place of its size",
    ),
    "dtype": (
        safetensors({"a": named("F8_E4M3", [4], 0, 4)}, bytes(4)),
        "dtype 'F8_E4M3'; known: BOOL, U8",
    ),
    "dtype that is a list": (
        safetensors({"a": named(["F32"], [1], 0, 4)}, bytes(4)),
        r"dtype \['F32'\]; known",
    ),
    "another key": (
        safetensors({"a": named("F32", [1], 0, 4, scale=2)}, bytes(4)),
        "a has not just data_offsets, dtype, shape",
    ),
    "name twice": (
        safetensors(b'{"a": {}, "a": {}}'),
        "the name 'a' stands there twice",
    ),
    "header of a list": (safetensors(b'{"a": [1]}'), "a has not just"),
    "header cut": (safetensors(b'{"a": '), "its header is not valid JSON"),
    "deep header": (
        safetensors(b'{"a":' + 10**5 * b"["),
        "its header is not valid JSON",
    ),
    "NaN in the header": (safetensors(b'{"a": NaN}'), "NaN is no number of JSON"),
    "metadata": (
        safetensors({"__metadata__": {"prediction_type": "v_prediction"}}),
        "metadata has a field 'prediction_type'",
    ),
    "metadata of a format": (
        safetensors({"__metadata__": {"format": "tf"}}),
        "metadata `format` is 'tf'",
    ),
    "metadata of a list": (
        safetensors(b'{"__metadata__": ["pt"]}'),
        "__metadata__ is no dictionary",
    ),
    "array longer than its header says": (
        zipped([("w.npy", npy_of((1,), bytes(8)))]),
        "has 8 bytes in it",
    ),
    "array of objects": (
        zipped([("w.npy", npy_of((1,), bytes(8), "|O"))]),
        "Python objects",
    ),
    "array of a negative shape": (
        zipped([("w.npy", npy_of((-1, -2), bytes(8)))]),
        "cannot be read",
    ),
    "storage of two kinds": (
        torch_files.legacy(
            [
                torch_files.Reference(("storage", kind, "0", "cpu", 0, None))
                for kind in (FLOATS, torch_files.Named("torch", "LongStorage"))
            ]
        ),
        "storage 0 is of float32 and of LongStorage",
    ),
    "part outside its storage": (
        torch_files.legacy(
            [torch_files.Reference(("storage", FLOATS, "0", "cpu", 0, ("1", 5, 10)))]
        ),
        "10 elements from 5 on are not all in a storage of 0",
    ),
}
"""Files that are refused, each with the words that say why."""
