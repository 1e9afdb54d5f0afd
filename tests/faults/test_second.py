"""Further members of each kind: labels, stored records, archives, lists, functions."""

import io
import json
import os
import pickle
import tarfile

import jax
import numpy as np
import pytest
from bad_input import Fault, Line

import purifax
from purifax import data, poison
from purifax.data import foreign_poisons, poisoned
from purifax.evaluation.images import given
from purifax.run import npz
from purifax.threat import Linf
from purifax.transform import batch_mesh, in_chunks, sharded

KEY, NAN = jax.random.key(0), float("nan")
BYTES, BIG = np.zeros((2, 8, 8, 1), np.uint8), np.array([0, 2**32])
X = np.full((2, 8, 8, 1), 0.5, np.float32)
CUT = "from -2147483648 to 2147483647"


def last(key, x, label):
    return label


LABELS = [
    Fault("cut labels", "batched", lambda f: purifax.batched(last)(KEY, X, BIG), CUT),
    Fault(
        "cut labels",
        "negative",
        lambda f: purifax.batched(last)(KEY, X, np.array([0, -(2**31) - 1])),
        CUT,
    ),
    Fault(
        "cut labels",
        "unsigned",
        lambda f: purifax.batched(last)(KEY, X, np.array([0, 2**63], np.uint64)),
        "from 0 to 4294967295",
    ),
    Fault(
        "cut labels",
        "sharded",
        lambda f: sharded(last, batch_mesh(2))(KEY, X, BIG),
        CUT,
    ),
    Fault(
        "cut labels",
        "in chunks",
        lambda f: in_chunks(purifax.batched(last), 2)(KEY, X, BIG),
        CUT,
    ),
    Fault(
        "cut labels",
        "of a poison",
        lambda f: poison.inject(BYTES, BIG, None),
        CUT,
    ),
    Fault("cut labels", "given", lambda f: given(BYTES, BIG), "fewer than 1000000"),
    Fault("cut labels", "many", lambda f: given(BYTES, [0, 10**7]), "fewer than 1000"),
    Fault("cut labels", "below 0", lambda f: given(BYTES, [0, -1]), "got -1 to 0"),
    Fault("cut labels", "floats", lambda f: given(BYTES, [0.0, 1.0]), "be integers"),
    Fault("cut labels", "booleans", lambda f: given(BYTES, [True, False]), "integers"),
    Fault("cut labels", "rows", lambda f: given(BYTES, np.eye(2, dtype=int)), "integ"),
    Fault("cut labels", "text", lambda f: given(BYTES, ["0", "1"]), "be integers"),
    Fault("cut labels", "objects", lambda f: given(BYTES, [None, 1]), "be integers"),
    Fault("cut labels", "none", lambda f: given(BYTES[:0], []), "one image or more"),
]


def stored_poison(folder):
    train = data.Images(BYTES, np.array([0, 1]), np.arange(2), ("a", "b"), "s")
    found = {"index": np.array([0]), "delta": np.zeros((1, 8, 8, 1), np.float32)}
    poisoned.write(folder, train, None, found, {"method": "x", "seed": 0})
    return folder


def of_poison(given, act, says, name="poison.npz"):
    """A stored poisoned set of which one file was changed."""

    def read(folder):
        act(stored_poison(folder / "set") / name)
        return data.load("poisoned", "train", folder / "set")

    return Fault("poisoned sets", f"{name} {given}", read, says)


def arrays(**changes):
    def act(path):
        npz.write(path, npz.read(path) | changes)

    return act


def flipped(place):
    def act(path):
        content = bytearray(path.read_bytes())
        content[place] ^= 4
        path.write_bytes(content)

    return act


def reworded(**changes):
    def act(path):
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return act


def lacking(name):
    def act(path):
        found = npz.read(path)
        npz.write(path, {n: array for n, array in found.items() if n != name})

    return act


def text(content):
    return lambda path: path.write_bytes(content)


def fifo(path):
    path.unlink()
    os.mkfifo(path)


WORDS = "poison.json"
POISONED = [
    of_poison("empty", text(b""), "damaged"),
    of_poison("cut", lambda p: p.write_bytes(p.read_bytes()[:200]), "damaged"),
    of_poison("flipped", flipped(150), "damaged"),
    of_poison("flipped at the end", flipped(-3), "checksum"),
    of_poison("of a pickle", text(pickle.dumps({})), "damaged"),
    of_poison("without index", lacking("index"), "`index` is nothing"),
    of_poison("without delta", lacking("delta"), "`delta` is nothing"),
    of_poison("without original", lacking("original"), "`original` is nothing"),
    of_poison("float index", arrays(index=np.zeros(1)), "`index` is float64"),
    of_poison("flat delta", arrays(delta=np.zeros((1, 64))), "`delta` is float64"),
    of_poison("text delta", arrays(delta=np.array(["a"])), "`delta` is <U1"),
    of_poison("two deltas", arrays(delta=np.zeros((2, 8, 8, 1))), "2 perturbations"),
    of_poison("far index", arrays(index=np.array([9])), "outside of the 2"),
    of_poison("below 0", arrays(index=np.array([-1])), "outside of the 2"),
    of_poison("fifo", fifo, "no file|regular"),
    of_poison("gone", lambda p: p.unlink(), "no file"),
    of_poison("flipped", flipped(40), "damaged|JSON", WORDS),
    of_poison("of another seed", reworded(seed=1), "its `checksum`", WORDS),
    of_poison("of other images", reworded(images=3), "its `checksum`", WORDS),
    of_poison("doubled", text(b'{"a": 1, "a": 2}'), "stands there twice", WORDS),
    of_poison("with NaN", text(b'{"seed": NaN}'), "no number of JSON", WORDS),
    of_poison("deep", text(b"[" * 10**5), "lies too deep", WORDS),
    of_poison("a list", text(b"[]"), "must hold a dictionary", WORDS),
    of_poison("of bytes", text(b"\xff\xfe\x00"), "not valid JSON", WORDS),
    of_poison("fifo", fifo, "no regular file|no finished", WORDS),
    of_poison("gone", lambda p: p.unlink(), "no finished poisoned set", WORDS),
    of_poison("no hash", text(b"{}"), "stored_sha256", WORDS),
    of_poison("flipped", flipped(300), "damaged|altered", "train.npz"),
    of_poison("gone", lambda p: p.unlink(), "holds no train.npz", "train.npz"),
    of_poison("empty", text(b""), "readable", "train.npz"),
]


def deltas(given, make, says):
    def read(folder):
        make(folder / "d.npy")
        images = data.Images(BYTES, np.array([0, 1]), np.arange(2), ("a", "b"), "s")
        return foreign_poisons.deltas(
            folder / "d.npy", images=images, threat=Linf(0.1), units="unit"
        )

    return Fault("foreign poisons", given, read, says)


def saved(array):
    def make(path):
        with path.open("wb") as file:
            np.save(file, array, allow_pickle=True)

    return make


def header(shape, dtype="<f4"):
    def make(path):
        stream = io.BytesIO()
        head = {"descr": dtype, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, head)
        path.write_bytes(stream.getvalue() + b"\0" * 64)

    return make


FOREIGN = [
    deltas("empty", text(b""), "gives no poison"),
    deltas("objects", saved(np.array([{}], object)), "gives no poison"),
    deltas("huge", header((10**6, 10**6, 3)), "gives no poison"),
    deltas("negative", header((-1, 8, 8, 1)), "gives no poison"),
    deltas("text", saved(np.array(["a"])), "not an array of numbers"),
    deltas("NaN", saved(np.full((2, 8, 8, 1), np.nan, np.float32)), "finite|NaN|nan"),
    deltas("other size", saved(np.zeros((2, 9, 9, 1), np.float32)), r"must be \[N"),
    deltas("too large", saved(np.ones((2, 8, 8, 1), np.float32)), "budget|exceed|0.1"),
]


def cifar(given, content, says):
    """A CIFAR-10 folder whose test batch is a hostile or damaged pickle."""

    def read(folder):
        inside = folder / "cifar-10-batches-py"
        inside.mkdir()
        (inside / "test_batch").write_bytes(content)
        return data.load("cifar10", "test", folder)

    return Fault("cifar pickles", given, read, says)


def batch(**changes):
    words = {"data": np.zeros((2, 3072), np.uint8), "labels": [0, 1]}
    return pickle.dumps(words | changes, protocol=2)


CIFAR = [
    cifar("empty", b"", "not a CIFAR batch"),
    cifar("of a large memo", b"\x80\x02]r\xff\xff\xff\x7f.", "table of at most"),
    cifar("of a command", b"cos\nsystem\n(S'true'\ntR.", "asks for os.system"),
    cifar("of text", pickle.dumps("x"), "not a CIFAR batch"),
    cifar("of many numbers", b"\x80\x02](" + b"K\x01" * 10**5 + b"e.", "not a CIFAR"),
    cifar("of promised bytes", b"\x80\x04\x8e" + b"\xff" * 7 + b"\x00", "not a CIFAR"),
    cifar("cut", batch()[:-900], "not a CIFAR batch"),
    cifar("of flat rows", batch(data=np.zeros((2, 99), np.uint8)), "was expected"),
    cifar("of three labels", batch(labels=[0, 1, 2]), "3 labels"),
    cifar("of a far label", batch(labels=[0, 10]), "0 to 10, but 10 classes"),
    cifar("of a huge label", batch(labels=[0, 2**32]), "labels from 0 to 4294967296"),
    cifar("of float labels", batch(labels=[0.0, 1.0]), "integers"),
    cifar("of negative labels", batch(labels=[-1, 0]), "labels from -1"),
]


def member(name, array):
    stream = io.BytesIO()
    np.save(stream, array)
    info = tarfile.TarInfo(name)
    info.size = len(stream.getvalue())
    return info, stream.getvalue()


def corrupted(given, content, says):
    """CIFAR-10-C as an archive with another file of images."""

    def read(folder):
        with tarfile.open(folder / "CIFAR-10-C.tar", "w") as tar:
            for name, one in (
                ("CIFAR-10-C/fog.npy", content),
                ("CIFAR-10-C/labels.npy", member("l", np.zeros(10, np.uint8))[1]),
            ):
                info = tarfile.TarInfo(name)
                info.size = len(one)
                tar.addfile(info, io.BytesIO(one))
        return data.load("cifar10_c:fog:1", "test", folder)

    return Fault("corrupted sets", given, read, says)


def headed(shape, dtype="|u1", more=0):
    stream = io.BytesIO()
    head = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, head)
    return stream.getvalue() + b"\0" * more


CORRUPTED = [
    corrupted("objects", headed((10, 32, 32, 3), "|O", 10 * 3072), "damaged"),
    corrupted("larger than its file", headed((99, 32, 32, 3), more=30720), "damaged"),
    corrupted("smaller than its file", headed((5, 32, 32, 3), more=30720), "damaged"),
    corrupted("floats", headed((10, 32, 32, 3), "<f4", 4 * 30720), "were expected"),
    corrupted("no array", b"x" * 100, "damaged"),
    corrupted("empty", b"", "damaged"),
]
LISTS = [
    Line("lists", f"benchmark --config.{field}= --workdir=w", r"write \(\) for")
    for field in ("parts", "purifiers", "dtypes")
    if field != "dtypes"
] + [
    Line("lists", "benchmark --config.parts=gradients,gradients", "named twice"),
    Line("lists", "benchmark --config.parts=gradients,,start", "between two commas"),
    Line("lists", "accelerate --config.samplers=", r"write \(\) for"),
    Line("lists", "accelerate --config.samplers=ddim,ddim", "ddim is named twice"),
    Line(
        "lists", "evaluate_poison --config=digits_poison_grid --config.poisons=", "list"
    ),
    Line(
        "lists",
        "evaluate_poison --config=digits_poison_grid --config.poisons=lsp,lsp",
        "lsp is named twice",
    ),
    Line(
        "lists",
        "evaluate_poison --config=digits_poison_grid --config.defences=none,,jpeg:75",
        "between two commas",
    ),
    Line(
        "lists",
        "evaluate_poison --config=digits_poison_grid --config.seeds=0,0",
        "each once",
    ),
    Line(
        "lists",
        "evaluate_poison --config=digits_poison_grid --config.seeds=",
        "seeds must be one or more",
    ),
    Line(
        "lists",
        "evaluate_poison --config=digits_poison_grid --config.seeds=()",
        "seed",
    ),
    Line(
        "lists",
        "evaluate_poison --config=digits_poison_grid --config.poisons=()",
        "poison",
    ),
    Line("lists", "evaluate --config=digits_adp --config.attacks=", r"write \(\)"),
    Line("lists", "evaluate --config=digits_adp --config.attacks=blind,blind", "twice"),
    Line("lists", "train --config=digits_dsm --config.net.widths=", "widths is empty"),
    Line("lists", "train --config=digits_dsm --config.net.widths=64,,64", "two commas"),
    Line("lists", "train --config=digits_dsm --config.net.widths=()", "widths"),
    Line("lists", "certify --config=digits_certify --config.sigmas=", r"field|write"),
]
ROWS = [*LABELS, *POISONED, *FOREIGN, *CIFAR, *CORRUPTED, *LISTS]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_one_clear_line(row, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    row.refused(tmp_path, capsys)
