"""Streams: any range of a source, unreadable images told and passed over."""

import os

import numpy as np
import pytest
import tensorflow_datasets as tfds
from data import writers
from PIL import Image

from purifax import data
from purifax.data import stream_tfds, write
from purifax.data.examples import Example, Unreadable

NAMES = tuple("abc")


def pictures(count=11, shape=(6, 5, 3)):
    return writers.pictures(count, shape, 3)


def assert_same(stream, images, labels, positions):
    """These positions, read in two pieces, are these images."""
    middle = (positions.start + positions.stop) // 2
    pieces = range(positions.start, middle), range(middle, positions.stop)
    rows = [row for piece in pieces for row in stream.read(piece)]
    assert [row.position for row in rows] == list(positions)
    for row in rows:
        np.testing.assert_array_equal(row.image, images[row.position])
        assert row.label == labels[row.position]
    return rows


@pytest.mark.parametrize("file_format", ["array_record", "tfrecord"])
def test_a_tfds_directory_is_read_at_any_place(tmp_path, file_format):
    images, labels = pictures()
    ids = [f"train_{n:05d}" for n in np.random.default_rng(0).permutation(11)]
    parts = {"train": (images, labels, ids)}
    folder = writers.tfds_directory(
        tmp_path, "mine", parts, NAMES, file_format, shards=3
    )
    stream = data.open_stream(str(folder))
    assert (stream.count, stream.shape, stream.names) == (11, (6, 5, 3), NAMES)
    assert stream.text_ids
    for positions in (range(11), range(2, 9), range(10, 11)):
        rows = assert_same(stream, images, labels, positions)
        assert [row.id.decode() for row in rows] == [ids[n] for n in positions]
    assert data.open_stream(str(folder.parent)).digest == stream.digest


def test_further_features_go_along(tmp_path):
    images = data.Images(*pictures(), np.arange(11) * 3, NAMES, "")
    random = np.random.default_rng(0)
    more = {
        "delta": random.normal(size=(11, 2)),
        "flag": random.random(11) < 0.5,
        "file": [f"{n}.png".encode() for n in range(11)],
    }
    folder = data.write_set(tmp_path, "mine", {"train": images}, {"train": more})
    stream = data.open_stream(str(folder))
    layout = data.Layout("mine", (6, 5, 3), NAMES, extras=stream.extras)
    for row in stream.read(range(11)):
        assert row.id == row.position * 3
        for key, column in more.items():
            np.testing.assert_array_equal(row.extras[key], column[row.position])
    rows = list(stream.read(range(11)))
    columns = {key: [row.extras[key] for row in rows] for key in more}
    pixels = np.stack([row.image for row in rows])
    labels = [row.label for row in rows]
    write.write_shard(
        tmp_path, layout, "train", 0, 1, pixels, labels, range(11), columns
    )


def test_a_cut_tfrecord_loses_only_what_is_cut(tmp_path):
    images, labels = pictures()
    parts = {"train": (images, labels, None)}
    folder = writers.tfds_directory(tmp_path, "mine", parts, NAMES, "tfrecord")
    path = sorted(folder.glob("*tfrecord-00000*"))[0]
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content[:-20])
    stream = data.open_stream(str(folder))
    rows = list(stream.read(range(11)))
    lost = {row.position: row.reason for row in rows if isinstance(row, Unreadable)}
    assert set(lost) == {0, 5}
    assert "checksum" in lost[0] and "cut short" in lost[5]
    assert "00000-of-00002 record 5" in rows[5].where


@pytest.mark.parametrize("damage", ["cut", "missing"])
def test_a_lost_array_record_file_loses_its_own(tmp_path, damage):
    images, labels = pictures()
    parts = {"train": (images, labels, None)}
    folder = writers.tfds_directory(tmp_path, "mine", parts, NAMES)
    path = sorted(folder.glob("*array_record-00001*"))[0]
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:70000])
    else:
        path.unlink()
    rows = list(data.open_stream(str(folder)).read(range(11)))
    kinds = [type(row) for row in rows]
    assert kinds == [Example] * 6 + [Unreadable] * 5


def save(folder, images, names):
    for image, name in zip(images, names, strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.squeeze()).save(folder / name)


def test_a_folder_keeps_classes_and_names(tmp_path):
    images, _ = pictures(4)
    names = ["cat/x.png", "cat/y.png", "dog/a b.png", "dog/z.png"]
    save(tmp_path, images, names)
    stream = data.open_stream(str(tmp_path))
    rows = assert_same(stream, images, [0, 0, 1, 1], range(4))
    assert stream.names == ("cat", "dog")
    assert [os.fsdecode(row.extras["file"]) for row in rows] == names
    assert [row.id for row in rows] == [0, 1, 2, 3]


def test_files_that_are_no_image_or_another_size_are_told(tmp_path):
    images, _ = pictures(3)
    save(tmp_path, images, ["b.png", "c.png", "e.png"])
    save(tmp_path, images[:1, :3], ["d.png"])
    (tmp_path / "a.png").write_bytes(b"nothing")
    stream = data.open_stream(str(tmp_path))
    rows = list(stream.read(range(5)))
    lost = {row.where[-5:]: row.reason for row in rows if isinstance(row, Unreadable)}
    assert set(lost) == {"a.png", "d.png"}
    assert "cannot be read" in lost["a.png"] and "3 x 5 x 3" in lost["d.png"]


def test_grey_files_among_coloured_ones_are_read_as_asked(tmp_path):
    save(tmp_path, pictures(1, (6, 5, 1))[0], ["a.png"])
    save(tmp_path, pictures(1)[0], ["b.png"])
    coloured = data.open_stream(str(tmp_path), channels=3)
    assert [row.image.shape for row in coloured.read(range(2))] == [(6, 5, 3)] * 2
    grey = list(data.open_stream(str(tmp_path)).read(range(2)))
    assert grey[0].image.shape == (6, 5, 1) and "in colour" in grey[1].reason


def test_the_digest_tells_sources_apart(tmp_path):
    images, _ = pictures(3)
    digests = set()
    for name, labelled in (("one", "abc"), ("two", "abd")):
        save(tmp_path / name, images, [f"{letter}.png" for letter in labelled])
        digests.add(data.open_stream(str(tmp_path / name)).digest)
    save(tmp_path / "three", images, ["a.png", "b.png", "c.png"])
    assert data.open_stream(str(tmp_path / "three")).digest in digests
    assert len(digests) == 2


def test_an_archive_is_read_whole_or_by_split(tmp_path):
    images, labels = pictures()
    np.savez(tmp_path / "all.npz", images=images, labels=labels)
    assert_same(data.open_stream(f"{tmp_path}/all.npz"), images, labels, range(11))
    parts = {"x_train": images[:8], "y_train": labels[:8], "x_test": images[8:]}
    np.savez(tmp_path / "two.npz", **parts, y_test=labels[8:])
    assert data.open_stream(f"{tmp_path}/two.npz", "test").count == 3


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "No image set is called 'nothing'"),
        ("{}/a.txt", "neither an .npz nor a folder"),
        ("{}", "holds no images"),
    ],
)
def test_what_is_no_source_is_named(tmp_path, name, words):
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(data.DataError, match=words):
        data.open_stream(name.format(tmp_path))


def test_nothing_of_a_folder_can_be_read(tmp_path):
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(data.DataError, match="None of 1 files can be read"):
        data.open_stream(str(tmp_path))


def test_a_feature_of_unknown_size_is_dropped():
    kinds = tfds.features
    assert stream_tfds._kept(kinds.Tensor(shape=(None,), dtype=np.int64)) is None
    assert stream_tfds._kept(kinds.Text()) == ((), "bytes")
    assert stream_tfds._kept(kinds.Scalar(np.int32)) == ((), "int32")
