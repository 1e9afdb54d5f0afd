"""Official archives read image by image: what is in memory else, damage told."""

import collections
import gzip
import pickle
import tracemalloc

import numpy as np
import pytest
from data import writers
from fleet import jobs

from purifax import data, fleet
from purifax.data import gzipped, stream_official
from purifax.data.examples import Unreadable
from purifax.data.stream import from_images, open_stream

PICTURES = writers.pictures(50, (32, 32, 3), 10)
SMALL = writers.pictures(40, (28, 28, 1), 10)


@pytest.fixture(autouse=True)
def near(monkeypatch):
    """Points and blocks so small that these sets have many."""
    monkeypatch.setattr(gzipped, "APART", 20_000)
    monkeypatch.setattr(stream_official, "BLOCK", 4)


def python_archive(place):
    files = writers.cifar10_files(*PICTURES, writers.cifar_python)
    jumbled = dict(sorted(files.items(), key=lambda item: item[0][::-1]))
    return writers.tar_of(place / "cifar-10-python.tar.gz", jumbled, "x/")


def python_folder(place):
    files = writers.cifar10_files(*PICTURES, writers.cifar_python)
    return writers.folder_of(place / "cifar-10-batches-py", files)


def binary_archive(place):
    files = writers.cifar10_files(*PICTURES, writers.cifar_binary, ".bin")
    return writers.tar_of(place / "cifar-10-binary.tar.gz", files, "x/")


def binary_folder(place):
    files = writers.cifar10_files(*PICTURES, writers.cifar_binary, ".bin")
    return writers.folder_of(place / "cifar-10-batches-bin", files)


def hundred(place):
    images, labels = PICTURES
    batch = writers.cifar_python(images, labels, "fine_labels")
    return writers.tar_of(place / "cifar-100-python.tar.gz", {"test": batch}, "x/")


def hundred_binary(place):
    images, labels = PICTURES
    batch = writers.cifar_binary(images, labels, labels // 5)
    return writers.tar_of(place / "cifar-100-binary.tar.gz", {"test.bin": batch}, "x/")


def idx(place, zipped=True):
    return writers.folder_of(place, writers.idx_files(*SMALL, zipped=zipped))


FORMS = {
    "python archive": (python_archive, "cifar10", "train"),
    "python folder": (python_folder, "cifar10", "test"),
    "binary archive": (binary_archive, "cifar10", "train"),
    "binary folder": (binary_folder, "cifar10", "train"),
    "fine labels": (hundred, "cifar100", "test"),
    "fine labels, binary": (hundred_binary, "cifar100", "test"),
    "gzipped idx": (idx, "mnist", "train"),
    "plain idx": (lambda place: idx(place, False), "mnist", "train"),
}


def told(stream, positions):
    rows = stream.read(positions)
    return [(r.position, r.image.tolist(), r.label, r.id) for r in rows]


@pytest.mark.parametrize("form", FORMS)
def test_rows_are_those_in_memory(tmp_path, form, monkeypatch):
    write, name, split = FORMS[form]
    write(tmp_path)
    wanted = from_images(data.load(name, split, tmp_path))
    with monkeypatch.context() as streamed:
        for kind in ("cifar", "idx"):  # nothing is decoded into memory
            streamed.delattr(f"purifax.data.{kind}.find")
        stream = open_stream(name, split, tmp_path)
    # Forward, over a gap, and back, as workers go who take others' shards over.
    count = wanted.count
    for positions in (range(2, 4), range(count - 3, count), range(0, 3), range(count)):
        assert told(stream, positions) == told(wanted, positions)
    for field in ("count", "shape", "names", "source", "digest"):
        assert getattr(stream, field) == getattr(wanted, field), field


def test_what_does_not_lie_as_it_is_comes_from_memory(tmp_path):
    """Today's numpy pickles for Python 2 as text of two bytes for some pixels."""

    def write(images, labels):
        batch = {"data": writers.planes(images), "labels": labels.tolist()}
        return pickle.dumps(batch, protocol=2)

    files = writers.cifar10_files(*PICTURES, write)
    writers.folder_of(tmp_path / "cifar-10-batches-py", files)
    stream = open_stream("cifar10", "train", tmp_path)
    wanted = from_images(data.load("cifar10", "train", tmp_path))
    assert told(stream, range(45)) == told(wanted, range(45))


def test_a_pickle_that_calls_is_not_called(tmp_path):
    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    files = writers.cifar10_files(*PICTURES, writers.cifar_python)
    files["test_batch"] = pickle.dumps({"data": Harm(), "labels": []}, protocol=2)
    writers.folder_of(tmp_path / "cifar-10-batches-py", files)
    with pytest.raises(data.DataError, match="test_batch asks for .*open.*refused"):
        open_stream("cifar10", "test", tmp_path)
    assert not (tmp_path / "harm").exists()


def cut(path):
    path.write_bytes(path.read_bytes()[:-2000])


def flip(path):
    """One bit of a pixel, packed anew with the old sum."""
    packed = path.read_bytes()
    content = bytearray(gzip.decompress(packed))
    content[20_000] ^= 1
    path.write_bytes(gzip.compress(content)[:-8] + packed[-8:])


@pytest.mark.parametrize("damage", [cut, flip])
@pytest.mark.parametrize(
    "form", ["python archive", "binary archive", "fine labels", "gzipped idx"]
)
def test_damage_is_one_line_before_anything_is_done(tmp_path, form, damage):
    write, name, split = FORMS[form]
    place = write(tmp_path)
    damage(next(place.glob("*images*")) if place.is_dir() else place)
    with pytest.raises(data.DataError, match="truncated or damaged .*fetch it again"):
        open_stream(name, split, tmp_path)


@pytest.mark.parametrize("form", ["python folder", "binary folder", "plain idx"])
def test_an_unpacked_file_that_is_cut_is_named(tmp_path, form):
    write, name, split = FORMS[form]
    place = write(tmp_path)
    damaged = {"cifar10": f"{split}_batch*", "mnist": "*images*"}[name]
    cut(sorted(place.glob(damaged.replace("train", "data")))[0])
    with pytest.raises(data.DataError, match="truncated|not a CIFAR batch") as told:
        open_stream(name, split, tmp_path)
    assert "batch" in str(told.value) or "images" in str(told.value)


def test_what_is_damaged_later_is_left_out(tmp_path):
    """A file that becomes shorter while workers are at it loses its end."""
    place = binary_folder(tmp_path)
    stream = open_stream("cifar10", "train", tmp_path)
    with open(place / "data_batch_4.bin", "r+b") as file:
        file.truncate(3073 * 5)
    one = jobs.job(tmp_path / "out", stream, 4)
    fleet.work(one, stream, jobs.purify, 7)
    lost = [row["position"] for row in fleet.left_out(one)]
    assert lost == [27 + 5, 27 + 6, 27 + 7, 27 + 8]
    assert "image 32" in fleet.left_out(one)[0]["where"]
    assert len(jobs.rows(one)) == 41
    assert isinstance(next(iter(stream.read(range(32, 33)))), Unreadable)


COUNT, ALLOWED = 4_000, 1_200_000


def many(place, write, end):
    """An archive of so many images, ten times what may be taken, and its last."""
    images = np.arange(COUNT, dtype=np.int64)[:, None, None, None] * 7 % 251
    images = np.broadcast_to(images, (COUNT, 32, 32, 3)).astype(np.uint8)
    labels = np.arange(COUNT) % 10
    names = [f"data_batch_{n}{end}" for n in range(1, 6)]
    parts = np.array_split(np.arange(COUNT), 5)
    files = {
        name: write(images[part], labels[part])
        for name, part in zip(names, parts, strict=True)
    }
    form = "binary" if end else "python"
    writers.tar_of(place / f"cifar-10-{form}.tar.gz", files, "x/")
    assert images.nbytes > 10 * ALLOWED
    return images[-1]


@pytest.mark.parametrize(
    ("write", "end"), [(writers.cifar_python, ""), (writers.cifar_binary, ".bin")]
)
def test_memory_is_flat(tmp_path, monkeypatch, write, end):
    last = many(tmp_path, write, end)
    monkeypatch.setattr(gzipped, "APART", 4 << 20)
    monkeypatch.setattr(stream_official, "BLOCK", 16)
    tracemalloc.start()
    stream = open_stream("cifar10", "train", tmp_path)
    (row,) = collections.deque(stream.read(range(COUNT)), maxlen=1)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < ALLOWED
    np.testing.assert_array_equal(row.image, last)
