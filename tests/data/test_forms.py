"""Parquet and WebDataset: bits that come back, columns that are found, bad files."""

import io
import json
import tarfile

import numpy as np
import pytest
from fleet import jobs
from image_files import encoded

from purifax import data, fleet
from purifax.data import forms
from purifax.fleet.lease import Leases
from purifax.fleet.status import status
from purifax.pipelines import archive

EXTRAS = {"radius": ((), "float32"), "hit": ((), "bool"), "file": ((), "bytes")}
FORMS = ["tfds", "parquet", "webdataset"]


def needed(form):
    if form == "parquet":
        pytest.importorskip("pyarrow")


def columns(count, text):
    random = np.random.default_rng(count)
    numbers = random.integers(0, 2**40, count)
    return {
        "image": random.integers(0, 256, (count, 5, 4, 3), np.uint8),
        "label": random.integers(0, 3, count),
        "id": [b"\xff%d" % n for n in numbers] if text else numbers,
        "radius": random.random(count, np.float32),
        "hit": random.random(count) < 0.5,
        "file": [b"a/\xfe%d.png" % n for n in range(count)],
    }


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_rows_come_back_to_the_bit(tmp_path, form, text):
    needed(form)
    layout = data.Layout("purified", (5, 4, 3), ("a", "b", "c"), text, EXTRAS)
    given, made = columns(7, text), forms.form(form)
    folder = made.folder(tmp_path, layout)
    folder.mkdir(parents=True)
    path = folder / made.shard(layout, "train", "00000-of-00001")
    path.write_bytes(made.encode(layout, given))
    rows = list(made.rows(path, layout))
    assert len(rows) == 7
    for name, values in given.items():
        for row, value in zip(rows, values, strict=True):
            np.testing.assert_array_equal(row[name], value, err_msg=name)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(data.DataError, match="truncated or damaged"):
        list(made.rows(path, layout))


@pytest.mark.parametrize("form", FORMS)
def test_workers_write_any_form_and_it_is_read_again(tmp_path, form):
    """By two workers; damage is made good; the set is a source itself."""
    needed(form)
    source = jobs.memory(23)
    one = jobs.job(tmp_path, source, 4, form=form)
    for worker in (0, 1):
        given = {"worker": worker, "workers": 2, "leases": Leases(one.leases)}
        fleet.work(one, source, jobs.purify, 5, **given)
    right = jobs.images(23)
    read = data.open_stream(str(tmp_path / "purified"))
    rows = {row.id: row for row in read.read(range(read.count))}
    assert sorted(rows) == sorted(right.index) and read.names == jobs.NAMES
    for image, label, number in zip(*_columns(right), strict=True):
        np.testing.assert_array_equal(rows[number].image, jobs.expected(image, number))
        assert rows[number].label == label
    shard = one.shard(2)
    before = shard.read_bytes()
    shard.write_bytes(before[:-40])
    assert list(status(one).damaged) == [shard.name]
    fleet.work(fleet.load(tmp_path), source, jobs.purify, 5)
    assert status(one).damaged == {} and status(one).finished
    again = {row.id: row.image for row in read_rows(tmp_path)}
    for number, row in rows.items():
        np.testing.assert_array_equal(again[number], row.image)


def _columns(images):
    return images.images, images.labels, images.index


def read_rows(root):
    read = data.open_stream(str(root / "purified"))
    return read.read(range(read.count))


def test_a_job_of_the_usual_form_has_the_words_that_it_always_had(tmp_path):
    one = jobs.job(tmp_path, jobs.memory(3), 1)
    assert "form" not in one.words()
    other = jobs.job(tmp_path, jobs.memory(3), 1, form="webdataset")
    assert other.words()["form"] == "webdataset"
    with pytest.raises(ValueError, match="no form of a set is called 'hdf5'"):
        jobs.job(tmp_path, jobs.memory(3), 1, form="hdf5")


def picture(seed, *shape):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, shape or (6, 5, 3), np.uint8)


def tar_of(path, files):
    with tarfile.open(path, "w") as packed:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return path


def test_tars_of_other_writers(tmp_path):
    """Folders, keys, an image that is none, labels by number and in JSON."""
    png = [encoded(picture(n)) for n in range(4)]
    tar_of(
        tmp_path / "train-000000.tar",
        {"x/00.png": png[0], "x/00.cls": b"1", "x/01.png": png[1], "x/01.cls": b"0"},
    )
    tar_of(
        tmp_path / "train-000001.tar",
        {"y.seg.png": b"none", "y.cls": b"2", "z.png": png[3], "z.cls": b"2\n"},
    )
    tar_of(
        tmp_path / "val-000000.tar",
        {"v.jpg": encoded(picture(9), "JPEG"), "v.json": b'{"label": 1}'},
    )
    read = data.open_stream(str(tmp_path), "train")
    rows = list(read.read(range(read.count)))
    assert read.count == 4 and read.shape == (6, 5, 3) and read.text_ids
    assert [getattr(row, "label", None) for row in rows] == [1, 0, None, 2]
    assert [getattr(row, "id", None) for row in rows] == [b"x/00", b"x/01", None, b"z"]
    np.testing.assert_array_equal(rows[3].image, picture(3))
    validation = data.open_stream(str(tmp_path), "val")
    assert [row.label for row in validation.read(range(1))] == [1]
    with pytest.raises(data.DataError, match="1 different labels from 2 to 2"):
        data.open_stream(str(tmp_path / "train-000001.tar"))  # of how many classes?
    with pytest.raises(data.DataError, match="nothing for the split 'all'"):
        data.open_stream(str(tmp_path), "all")


def test_what_else_a_tar_says_of_an_image_is_kept(tmp_path):
    words = [{"id": 5, "label": 1, "radius": 0.5, "file": "a/\udcff.png"}, {"id": 6}]
    files = {}
    for n, some in enumerate(words):
        files |= {
            f"{n}.png": encoded(picture(n)),
            f"{n}.json": json.dumps(some).encode(),
        }
    read = data.open_stream(str(tar_of(tmp_path / "a.tar", files)))
    assert read.extras == {"radius": ((), "float64"), "file": ((), "bytes")}
    first, second = read.read(range(2))
    assert first.extras == {"radius": 0.5, "file": b"a/\xff.png"} and first.id == 5
    assert "'radius' is missing" in second.reason


@pytest.mark.parametrize("content", [b"", b"no tar", tarfile.NUL * 1024])
def test_bad_tars_are_refused(tmp_path, content):
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(data.DataError, match="cannot be read|no image"):
        data.open_stream(str(tmp_path / "a.tar"))


@pytest.mark.parametrize(
    "labels", [["90000000"], ["1", "2", "3"], ["0", "10", "20"], ["9" * 5000, "0"]]
)
def test_a_tar_of_an_unclear_number_of_classes_is_refused(tmp_path, labels):
    files = {}
    for n, label in enumerate(labels):
        files |= {f"{n}.png": encoded(picture(n)), f"{n}.cls": label.encode()}
    source = str(tar_of(tmp_path / "a.tar", files))
    if len(labels[0]) > 12:  # no label at all: that image is left out
        first, second = data.open_stream(source).read(range(2))
        assert "its label is -1" in first.reason and second.label == 0
        return
    with pytest.raises(data.DataError, match="different labels from"):
        data.open_stream(source)


def test_a_key_of_a_tar_has_one_image(tmp_path):
    two = {"a.png": encoded(picture(1)), "a.jpg": encoded(picture(2), "JPEG")}
    read = data.open_stream(
        str(tar_of(tmp_path / "two.tar", two | {"b.png": encoded(picture(3))}))
    )
    first, second = read.read(range(2))
    assert "it has the images .png and .jpg" in first.reason and second.label == 0
    with tarfile.open(tmp_path / "twice.tar", "w") as packed:
        for seed in (1, 2):
            content = encoded(picture(seed))
            member = tarfile.TarInfo("a.png")
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    with pytest.raises(data.DataError, match="holds a.png twice"):
        data.open_stream(str(tmp_path / "twice.tar"))


def parquet(path, columns, features=None):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    table = pa.table(columns)
    if features:
        words = {"huggingface": json.dumps({"info": {"features": features}})}
        table = table.replace_schema_metadata(words)
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(table, path, row_group_size=2)


def test_parquet_of_other_writers(tmp_path):
    pytest.importorskip("pyarrow")
    packed = [{"bytes": encoded(picture(n)), "path": None} for n in range(5)]
    packed[3] = {"bytes": b"none", "path": None}
    kinds = {
        "photo": {"_type": "Image"},
        "kind": {"_type": "ClassLabel", "names": ["cat", "dog"]},
    }
    rows = {"photo": packed, "kind": [0, 1, 1, 0, 5], "weight": [0.5] * 5}
    parquet(tmp_path / "data/train-00000-of-00001.parquet", rows, kinds)
    parquet(tmp_path / "data/test-00000-of-00001.parquet", rows, kinds)
    read = data.open_stream(str(tmp_path), "train")
    found = list(read.read(range(5)))
    assert read.names == ("cat", "dog") and read.extras == {"weight": ((), "float64")}
    assert [getattr(row, "label", None) for row in found] == [0, 1, 1, None, None]
    assert "there are 2 classes" in found[4].reason
    np.testing.assert_array_equal(found[2].image, picture(2))
    assert [row.position for row in read.read(range(1, 3))] == [1, 2]
    plain = {"image": [p["bytes"] for p in packed[:3]], "label": [2, 0, 1]}
    parquet(tmp_path / "plain.parquet", plain)
    read = data.open_stream(str(tmp_path / "plain.parquet"))
    assert read.names == ("0", "1", "2") and read.count == 3
    parquet(tmp_path / "gaps.parquet", plain | {"label": [1, 2, 3]})
    with pytest.raises(data.DataError, match="3 different labels from 1 to 3"):
        data.open_stream(str(tmp_path / "gaps.parquet"))


@pytest.mark.parametrize(
    "columns, words",
    [
        ({"text": ["a"]}, "one of images, as encoded bytes, is needed"),
        ({"image": [b"a"], "img": [b"b"]}, "image and img, each of which may be"),
        ({"image": [b"a"]}, "no image that can be read"),
    ],
)
def test_parquet_without_images_is_refused(tmp_path, columns, words):
    pytest.importorskip("pyarrow")
    parquet(tmp_path / "a.parquet", columns)
    with pytest.raises(data.DataError, match=words):
        data.open_stream(str(tmp_path / "a.parquet"))
    (tmp_path / "a.parquet").write_bytes(b"none")
    with pytest.raises(data.DataError, match="truncated or damaged"):
        data.open_stream(str(tmp_path / "a.parquet"))


@pytest.mark.parity
def test_hugging_face_reads_what_is_written_and_its_own_is_read(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    source = jobs.memory(11)
    one = jobs.job(tmp_path / "out", source, 2, form="parquet")
    fleet.work(one, source, jobs.purify, 4)
    where = {"cache_dir": str(tmp_path / "cache")}
    theirs = datasets.load_dataset(str(tmp_path / "out/purified"), **where)["train"]
    assert theirs.features["label"].names == list(jobs.NAMES) and len(theirs) == 11
    right = jobs.images(11)
    for row in theirs:
        place = right.index.tolist().index(row["id"])
        wanted = jobs.expected(right.images[place], row["id"])[..., 0]
        np.testing.assert_array_equal(np.asarray(row["image"]), wanted)
    datasets.DatasetDict({"train": theirs}).save_to_disk(str(tmp_path / "saved"))
    theirs.save_to_disk(str(tmp_path / "alone"))
    for name in ("saved", "alone"):
        mine = data.open_stream(str(tmp_path / name))
        for row in mine.read(range(11)):
            place = right.index.tolist().index(row.id)
            wanted = jobs.expected(right.images[place], row.id)
            np.testing.assert_array_equal(row.image, wanted)
        assert mine.names == jobs.NAMES


@pytest.mark.parametrize("form", ["tfds", "webdataset"])
def test_a_set_is_written_as_files_and_read_again(tmp_path, form):
    source = jobs.memory(11)
    one = jobs.job(tmp_path, source, 2, form=form)
    fleet.work(one, source, jobs.purify, 4)
    assert archive.files(one, one.out / "files") == 11
    found = data.load("folder", "all", tmp_path / "files")
    right = jobs.images(11)
    assert found.names == jobs.NAMES
    names = sorted(
        f"{jobs.NAMES[la]}/{n:09d}.png"
        for la, n in zip(right.labels, right.index, strict=True)
    )
    listed = sorted((tmp_path / "files").rglob("*.png"))
    assert [str(p.relative_to(tmp_path / "files")) for p in listed] == names
    pixels = {image.tobytes() for image in found.images}
    assert pixels == {
        jobs.expected(image, n).tobytes()
        for image, n in zip(right.images, right.index, strict=True)
    }


@pytest.mark.parity
def test_webdataset_reads_what_is_written(tmp_path):
    webdataset = pytest.importorskip("webdataset")
    source = jobs.memory(11)
    one = jobs.job(tmp_path, source, 1, form="webdataset")
    fleet.work(one, source, jobs.purify, 4)
    found = webdataset.WebDataset(str(one.shard(0)), shardshuffle=False).decode("l8")
    right = jobs.images(11)
    rows = list(found)
    assert len(rows) == 11
    for row in rows:
        place = right.index.tolist().index(row["json"]["id"])
        wanted = jobs.expected(right.images[place], right.index[place])[..., 0]
        np.testing.assert_array_equal(np.asarray(row["png"]), wanted)
        assert row["cls"] == right.labels[place]
