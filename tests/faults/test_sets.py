"""Image sets that are refused: roles of folders, labels, names, sizes and damage."""

import gzip
import json
import struct
import tarfile
import zipfile

import numpy as np
import pytest
from bad_input import Fault, Line
from image_files import GREY, classes, encoded, save

from purifax import data
from purifax.data import Images

ZEROS = np.zeros((30, 8, 8), np.uint8)
KINDS = np.arange(30) % 3


def folders(given, says, *names, split="test", loose=(), empty=(), kind="roles"):
    """Loads a folder with these folders of pictures, loose pictures, empty folders."""

    def act(folder):
        classes(folder, *names)
        save(folder, *loose)
        for name in empty:
            (folder / name).mkdir(parents=True)
        data.load("folder", split, folder)

    return Fault(kind, given, act, says)


def archives(given, says, split="test", kind="roles", **files):
    """Loads a folder of .npz files, or `mine.npz` if that is one of them."""

    def act(folder):
        for name, arrays in files.items():
            np.savez(folder / f"{name}.npz", **arrays)
        mine = folder / "mine.npz"
        data.load("npz", split, mine if mine.exists() else folder)

    return Fault(kind, given, act, says)


def labels(given, values, says, **more):
    """Loads an .npz with these labels."""
    arrays = {"images": ZEROS, "labels": np.asarray(values), **more}
    return archives(given, says, "all", "labels", mine=arrays)


def written(given, says, names, kind="names"):
    """Writes a set with classes of these names."""
    images = Images(
        np.zeros((2, 8, 8, 1), np.uint8), np.zeros(2, int), np.arange(2), names, "x"
    )
    return Fault(kind, given, lambda f: data.write_set(f, "set", {"all": images}), says)


def header(shape, dtype="|u1", values=b"", name="images"):
    """An .npz whose array states another shape than it has."""

    def act(folder):
        with zipfile.ZipFile(folder / "a.npz", "w") as stored:
            with stored.open(f"{name}.npy", "w") as file:
                head = {"descr": dtype, "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, head)
                file.write(values)
        data.load("npz", "all", folder / "a.npz")

    return act


def bomb(read):
    """An .npz of 300 kB that holds 300 MB."""

    def act(folder):
        shape = (300 << 20, 1, 1)
        path = folder / "a.npz"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as stored:
            with stored.open("images.npy", "w") as file:
                head = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, head)
                for _ in range(300):
                    file.write(bytes(1 << 20))
        read(folder)

    return act


def idx(images, labels_=b""):
    """Loads MNIST from files of this content."""

    def act(folder):
        (folder / "train-images-idx3-ubyte.gz").write_bytes(images)
        zeros = gzip.compress(struct.pack(">II", 2049, 2) + bytes(2))
        (folder / "train-labels-idx1-ubyte.gz").write_bytes(labels_ or zeros)
        data.load("mnist", "train", folder, download=False)

    return act


def zeros_gz(start=b""):
    """300 MB of zeros, gzipped."""
    member = gzip.compress(bytes(1 << 20))
    return gzip.compress(start) + member * 300


def cifar(folder):
    """The archive of CIFAR-10 with a batch of 300 MB of zeros."""
    path = folder / "cifar-10-python.tar.gz"
    with tarfile.open(path, "w:gz") as stored:
        info = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
        info.size = 300 << 20
        with open("/dev/zero", "rb") as zeros:
            stored.addfile(info, zeros)
    data.load("cifar10", "train", folder, download=False)


def prepared(read, file="dataset_info.json", content="{"):
    """A prepared set with one file of other content."""

    def act(folder):
        images = Images(
            np.zeros((2, 8, 8, 1), np.uint8),
            np.zeros(2, int),
            np.arange(2),
            ("a", "b"),
            "x",
        )
        place = data.write_set(folder, "set", {"train": images})
        path = place / file
        change = content(path.read_text()) if callable(content) else content
        path.write_text(change)
        read(str(place))

    return act


def load(place):
    data.load("tfds", "train", place)


def without(key):
    def change(text):
        return json.dumps({k: v for k, v in json.loads(text).items() if k != key})

    return change


def flat_test(folder):
    classes(folder, "train/a", "train/b")
    save(folder, *(f"test/{n}.png" for n in range(5)))


def unlabelled(folder):
    save(folder, *(f"{n}.png" for n in range(20)))


def tiny(folder):
    place = folder / "tiny-imagenet-200"
    save(place, "val/images/val_0.JPEG", content=encoded(GREY, "JPEG"))
    (place / "wnids.txt").write_text("n01\n")
    (place / "val" / "val_annotations.txt").write_text("val_0.JPEG\tn02\t0\n")
    data.load("tiny_imagenet", "test", folder, download=False)


def column(name, value):
    """Images with a wrong column."""
    columns = {"labels": np.zeros(2, int), "index": np.arange(2)} | {name: value}
    images = np.zeros((2, 8, 8, 1), np.uint8)
    return lambda f: Images(images, names=("a", "b"), source="mine", **columns)


PAIR = {"images": ZEROS, "labels": KINDS}

ROWS = [
    folders("train and training", "both train and training", "train/a", "training/a"),
    folders("val and valid", "both val and valid", "train/a", "val/a", "valid/a"),
    folders("Test and test", "both Test and test", "train/a", "Test/a", "test/a"),
    folders("splits beside classes", "test, a split by name, beside a", "a", "test"),
    folders("another folder beside splits", "beside x", "train/a", "test/a", "x/a"),
    folders("classes above splits", "stand above", "a/train", "a/test", "b/train"),
    folders("all in one folder", "the one folder x", "x/a", "x/b", split="all"),
    folders("a set in one folder", "the one folder x", "x/train/a", "x/test/a"),
    folders("an empty class", "b holds no images", "a", "c", empty=["b"]),
    folders("an empty class of a split", "no images", "train/a", empty=["train/b"]),
    folders("no test", "nothing for the split 'test'", "train/a", "train/b"),
    folders("an empty test", "nothing for", "train/a", "train/b", empty=["test"]),
    folders("a class of the test alone", "the class B", "train/b", "test/B", "test/b"),
    folders("one image", "a fifth is none", loose=["x.png"]),
    folders("two images", "a fifth is none", loose=["x.png", "y.png"]),
    folders("only __MACOSX", "holds no images", "__MACOSX/a", split="all"),
    folders("only hidden", "holds no images", ".a", split="all"),
    Fault(
        "roles",
        "a test without classes",
        lambda f: (flat_test(f), data.load("folder", "test", f)),
        "stands without folders of classes",
    ),
    Fault(
        "roles",
        "a link to the folder above",
        lambda f: (
            classes(f, "a", "b"),
            (f / "a" / "up").symlink_to(f),
            data.load("folder", "all", f),
        ),
        "a link to a folder above",
    ),
    Line(
        "roles",
        "train --config=digits_classifier --config.data.name=folder --data_dir=.",
        "stands without folders of classes",
        flat_test,
    ),
    Line(
        "roles",
        "train --config=digits_classifier --config.data.name=folder --data_dir=. "
        "--workdir=new",
        "images of one class only",
        unlabelled,
    ),
    Line(
        "roles",
        "evaluate --config=digits_adp --config.images.name=folder --data_dir=.",
        "has one class",
        unlabelled,
    ),
    archives("train.npz and training.npz", "both", "train", train=PAIR, training=PAIR),
    archives("val.npz and validation.npz", "both", val=PAIR, validation=PAIR),
    archives("Test.npz and test.npz", "both", Test=PAIR, test=PAIR),
    archives("no test.npz", "holds no test.npz", train=PAIR),
    archives("images and x", "images and x", "all", mine={"images": ZEROS, "x": ZEROS}),
    archives(
        "two kinds of labels",
        "label and target",
        "all",
        mine={"images": ZEROS, "label": KINDS, "target": KINDS},
    ),
    archives("x and x_train", "x_train", "all", mine={"x": ZEROS, "x_train": ZEROS}),
    archives("no x_test", "nothing for the split 'test'", mine={"x_train": ZEROS}),
    archives(
        "other names in the test",
        "name different classes",
        train={**PAIR, "names": list("abc")},
        test={**PAIR, "names": list("acb")},
    ),
    archives(
        "names of too few classes",
        "labels from 0 to 2, but 2 classes",
        "all",
        mine={**PAIR, "names": ["a", "b"]},
    ),
    labels("2**32", KINDS + 2**32, "labels from 4294967296"),
    labels("90,000,000", KINDS * 45_000_000, "3 different labels from 0 to 90000000"),
    labels("uint64 beyond int64", KINDS.astype(np.uint64) + 2**63, "labels from 92233"),
    labels("1 to 3", KINDS + 1, "3 different labels from 1 to 3"),
    labels("0, 10, 20", KINDS * 10, "3 different labels from 0 to 20"),
    labels("negative", KINDS - 1, "labels from -1 to 1"),
    labels("float", KINDS / 1, "y.astype"),
    labels("bool", KINDS > 1, "labels bool"),
    labels("text", np.array(list("abc"))[KINDS], "numpy.unique"),
    labels("one-hot", np.eye(3)[KINDS], "argmax"),
    labels("one-hot integers", np.eye(3, dtype=int)[KINDS], "argmax"),
    labels("objects", np.array([None] * 30, object), "Python objects"),
    labels("too few", KINDS[:9], "30 images but 9 labels"),
    labels("one number", 3, "integers .N. are needed"),
    labels("complex", KINDS * 1j, "integers .N. are needed"),
    labels("positions as floats", KINDS, "`index` float64", index=np.zeros(30)),
    labels("positions [N, 1]", KINDS, "`index` int64", index=np.zeros((30, 1), int)),
    labels("names as floats", KINDS, "names of classes", names=np.zeros(3)),
    labels("one name", KINDS, "names of classes", names=np.array("abc")),
    Fault("labels", "Images of floats", column("labels", np.zeros(2)), "integers"),
    Fault("labels", "Images at floats", column("index", np.zeros(2)), "integers"),
    written("a line break", "cannot be called 'a.nb'", ("a\nb", "c")),
    written("a carriage return", "cannot be called", ("a\rb", "c")),
    written("an empty name", "cannot be called ''", ("", "c")),
    written("space at the end", "cannot be called 'a '", ("a ", "c")),
    written("no UTF-8", "cannot be called", ("a\udcff", "c")),
    Fault("memory", "a header of 10^12", header((10**12, 8, 8)), "by its header"),
    Fault("memory", "10^12 labels", header((10**12,), "<i8", name="y"), "images"),
    Fault("memory", "a header of 2^62", header((2**31, 2**31)), "by its header"),
    Fault(
        "memory", "a header too small", header((1, 8, 8), "|u1", bytes(99)), "header"
    ),
    Fault(
        "memory",
        "a zip of 300 MB loaded",
        bomb(lambda f: data.load("npz", "all", f / "a.npz")),
        "over 200 times its size",
    ),
    Fault(
        "memory",
        "a zip of 300 MB streamed",
        bomb(lambda f: data.open_stream(str(f / "a.npz"))),
        "over 200 times its size",
    ),
    Fault("memory", "images gzipped 300 MB", idx(zeros_gz()), "over 200 times"),
    Fault(
        "memory",
        "labels gzipped 300 MB",
        idx(gzip.compress(struct.pack(">IIII", 2051, 2, 1, 1) + bytes(2)), zeros_gz()),
        "over 200 times",
    ),
    Fault("memory", "a batch gzipped 300 MB", cifar, "over 200 times"),
    Fault("damage", "half a description", prepared(load), "dataset_info.json is dam"),
    Fault(
        "damage",
        "a description that is a list",
        prepared(load, content="[]"),
        "damaged",
    ),
    Fault(
        "damage",
        "unknown words in a description",
        prepared(load, content='{"nam": 3}'),
        "dataset_info.json",
    ),
    Fault(
        "damage",
        "a description without splits",
        prepared(load, content=without("splits")),
        "has no split 'train'",
    ),
    Fault(
        "damage",
        "half of the features",
        prepared(load, "features.json", "{"),
        "features.json is damaged",
    ),
    Fault(
        "damage",
        "a streamed description",
        prepared(data.open_stream),
        "dataset_info.json is damaged",
    ),
    Fault("damage", "half an .npz", header((9, 8, 8)), "truncated or damaged"),
    Fault(
        "damage",
        "half a gzip",
        idx(gzip.compress(bytes(10000))[:20]),
        "truncated or damaged",
    ),
    Fault("damage", "an annotation of no class", tiny, "gives no class"),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_bad_input_is_one_clear_line(row, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    row.refused(tmp_path, capsys)
