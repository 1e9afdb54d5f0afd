"""TFDS directories: both formats, read without TensorFlow, in the official order."""

import subprocess
import sys

import numpy as np
import pytest
from data import writers

from purifax import data
from purifax.data import tfrecord

NAMES = tuple("abc")


@pytest.fixture
def pictures():
    return writers.pictures(11, (6, 5, 3), 3)


def directory(root, pictures, ids=None, **options):
    images, labels = pictures
    parts = {"train": (images, labels, ids)}
    return writers.tfds_directory(root, "cifar10", parts, NAMES, **options)


@pytest.mark.parametrize("file_format", ["array_record", "tfrecord"])
def test_reads_what_was_written(tmp_path, pictures, file_format):
    directory(tmp_path, pictures, file_format=file_format)
    found = data.load("cifar10", "train", tmp_path, download=False)
    np.testing.assert_array_equal(found.images, pictures[0])
    np.testing.assert_array_equal(found.labels, pictures[1])
    np.testing.assert_array_equal(found.index, np.arange(11))
    assert found.labels.dtype == np.int32 and found.index.dtype == np.int64
    assert found.names == NAMES
    assert "1.0.0" in found.source


def test_ids_restore_the_official_order(tmp_path, pictures):
    images, labels = pictures
    order = np.random.default_rng(5).permutation(11)
    ids = [f"train_{n + 100:05d}" for n in order]
    directory(tmp_path, (images[order], labels[order]), ids)
    found = data.load("cifar10", "train", tmp_path)
    np.testing.assert_array_equal(found.images, images)
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_array_equal(found.index, np.arange(100, 111))


def test_ids_that_repeat_are_no_order(tmp_path, pictures):
    directory(tmp_path, pictures, ["same_7"] * 11)
    found = data.load("cifar10", "train", tmp_path)
    np.testing.assert_array_equal(found.images, pictures[0])
    np.testing.assert_array_equal(found.index, np.arange(11))


def test_directory_may_be_given_at_any_level(tmp_path, pictures):
    place = directory(tmp_path, pictures)
    for level in (tmp_path, place.parent, place):
        assert len(data.load("cifar10", "train", level, download=False)) == 11


def test_newest_version_wins_and_another_set_is_not_taken(tmp_path, pictures):
    directory(tmp_path, pictures, version="9.0.0")
    directory(tmp_path, (pictures[0][:4], pictures[1][:4]), version="10.0.0", shards=1)
    assert len(data.load("cifar10", "train", tmp_path)) == 4
    with pytest.raises(data.DataError, match="was found in none of"):
        data.load("cifar100", "train", tmp_path / "cifar10" / "9.0.0", download=False)


def test_a_grey_set_has_one_channel(tmp_path):
    images, labels = writers.pictures(6, (4, 4, 1), 2)
    writers.tfds_directory(tmp_path, "mnist", {"test": (images, labels, None)}, "ab")
    found = data.load("mnist", "test", tmp_path)
    np.testing.assert_array_equal(found.images, images)


def test_the_config_of_a_corruption_is_found(tmp_path):
    images, labels = writers.pictures(10, (4, 4, 3), 10)
    parts = {"test": (images, labels, None)}
    name = "cifar10_corrupted"
    writers.tfds_directory(tmp_path, name, parts, "0123456789", config="fog_3")
    other = {"test": (255 - images, labels, None)}
    place = writers.tfds_directory(tmp_path, name, other, "0123456789", config="fog_4")
    found = data.load("cifar10_c:fog:3", "test", tmp_path)
    np.testing.assert_array_equal(found.images, images)
    found = data.load("cifar10_c:fog:4", "test", place)
    np.testing.assert_array_equal(found.images, 255 - images)
    with pytest.raises(data.DataError, match="was found in none of"):
        data.load("cifar10_c:fog:3", "test", place, download=False)


def test_own_set_with_another_image_name(tmp_path, pictures):
    images, labels = pictures
    parts = {
        "train": (images, labels, None),
        "validation": (images[:3], labels[:3], None),
    }
    place = writers.tfds_directory(tmp_path, "mine", parts, NAMES, image="photo")
    assert len(data.load("tfds", "train", place)) == 11
    assert len(data.load("tfds", "test", place.parent)) == 3


def test_missing_split_and_no_directory_are_named(tmp_path, pictures):
    place = directory(tmp_path, pictures)
    with pytest.raises(data.DataError, match="no split 'test'; it has: train"):
        data.load("tfds", "test", place)
    with pytest.raises(data.DataError, match="no prepared TFDS directory"):
        data.load("tfds", "train", tmp_path / "nothing")


@pytest.mark.parametrize("file_format", ["array_record", "tfrecord"])
@pytest.mark.parametrize("keep", [0.5, 0.0])
def test_truncated_shard_is_named(tmp_path, pictures, file_format, keep):
    place = directory(tmp_path, pictures, file_format=file_format)
    shard = sorted(place.glob(f"*{file_format}-00001*"))[0]
    content = shard.read_bytes()
    shard.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(data.DataError, match="00001-of-00002.*truncated"):
        data.load("cifar10", "train", tmp_path)


def test_missing_shard_is_named(tmp_path, pictures):
    place = directory(tmp_path, pictures)
    sorted(place.glob("*00000-of*"))[0].unlink()
    with pytest.raises(data.DataError, match="00000-of-00002 is missing"):
        data.load("cifar10", "train", tmp_path)


def test_shard_with_another_count_is_refused(tmp_path, pictures):
    place = directory(tmp_path, pictures)
    first, second = sorted(place.glob("*of-00002"))
    first.write_bytes(second.read_bytes())
    with pytest.raises(data.DataError, match="holds 5 examples where .* says 6"):
        data.load("cifar10", "train", tmp_path)


def test_damaged_description_is_named(tmp_path, pictures):
    place = directory(tmp_path, pictures)
    (place / "dataset_info.json").write_text('{"name": "cifar10",')
    with pytest.raises(data.DataError, match="dataset_info.json"):
        data.load("cifar10", "train", place)


def test_tensorflow_is_never_imported(tmp_path, pictures):
    directory(tmp_path, pictures, file_format="tfrecord")
    program = (
        "import sys; from purifax import data; "
        "heavy = {'tensorflow', 'tensorflow_datasets', 'sklearn', 'PIL', 'flax'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules); "
        f"assert len(data.load('cifar10', 'train', {str(tmp_path)!r})) == 11; "
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


class TestTFRecord:
    """The framing and its checksums."""

    def test_checksum_is_the_published_one(self):
        # The CRC-32C of the nine digits is the check value of its catalogue entry.
        assert writers.crc32c(b"123456789") == 0xE3069283
        assert tfrecord.masked_crc([b"123456789"])[0] == writers.masked(b"123456789")

    def test_checksums_of_all_lengths(self):
        random = np.random.default_rng(1)
        contents = [random.bytes(n) for n in (0, 1, 3, 4, 251, 252, 253, 256, 511, 900)]
        expected = [writers.masked(content) for content in contents]
        assert tfrecord.masked_crc(contents).tolist() == expected

    def test_checksums_do_not_depend_on_the_groups(self, monkeypatch):
        contents = [bytes([n]) * (n * 37) for n in range(20)]
        whole = tfrecord.masked_crc(contents)
        monkeypatch.setattr(tfrecord, "AT_ONCE", 1500)
        np.testing.assert_array_equal(tfrecord.masked_crc(contents), whole)

    def test_records_come_back_in_order(self, tmp_path):
        records = [b"first", b"", b"third" * 100]
        path = tmp_path / "x.tfrecord"
        path.write_bytes(writers.tfrecord(records))
        assert tfrecord.read(path) == records

    def test_empty_file_has_no_records(self, tmp_path):
        path = tmp_path / "x.tfrecord"
        path.write_bytes(b"")
        assert tfrecord.read(path) == []

    @pytest.mark.parametrize("cut", [1, 4, 9, 15])
    def test_any_cut_is_seen(self, tmp_path, cut):
        path = tmp_path / "x.tfrecord"
        path.write_bytes(writers.tfrecord([b"one", b"two"])[:-cut])
        with pytest.raises(data.DataError, match="truncated"):
            tfrecord.read(path)

    @pytest.mark.parametrize("byte", [0, 9, 13, 16])
    def test_any_wrong_bit_is_seen(self, tmp_path, byte):
        content = bytearray(writers.tfrecord([b"one", b"two" * 50]))
        content[byte] ^= 1
        path = tmp_path / "x.tfrecord"
        path.write_bytes(content)
        with pytest.raises(data.DataError, match="damaged"):
            tfrecord.read(path)
