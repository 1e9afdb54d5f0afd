"""The order of the places, the embedded digits, wrong names, and downloads."""

import hashlib
import http.server
import threading

import numpy as np
import pytest
from data import writers

from purifax import data
from purifax.data import catalogue, digits, download
from purifax.data.split import parts_record

DIGITS_TEST = "1ebd46bb457e2e34"
DIGITS_IMAGES = "8f26b2bd9d135c256808f68f14fdabddde6d9c7f869ae419704b051f0f14b3b3"
DIGITS_LABELS = "8ba4f891220f5e4c9c819638d1602d74b83618f167043c6da52a2a247841ddf0"


def archive_in(place, seed):
    """A CIFAR-10 archive; returns the first test image."""
    images, labels = writers.pictures(50, (32, 32, 3), 10, seed)
    files = writers.cifar10_files(images, labels, writers.cifar_python)
    place.mkdir(parents=True, exist_ok=True)
    writers.tar_of(place / "cifar-10-python.tar.gz", files, "cifar-10-batches-py/")
    return images[45]


def prepared_in(place, seed):
    images, labels = writers.pictures(10, (32, 32, 3), 10, seed)
    parts = {"test": (images, labels, None)}
    writers.tfds_directory(place, "cifar10", parts, "0123456789", shards=1)
    return images[0]


def npz_in(place, seed):
    images, labels = writers.pictures(10, (32, 32, 3), 10, seed)
    np.savez(place / "cifar10_test.npz", images=images, labels=labels)
    return images[0]


def first(place):
    return data.load("cifar10", "test", place, download=False).images[0]


class TestOrder:
    """data_dir, then the prepared sets, then the archives on disk."""

    def test_each_place_comes_before_the_next(self, tmp_path, bare_machine):
        given = tmp_path / "given"
        given.mkdir()
        with pytest.raises(data.DataError, match="was found in none of"):
            first(given)
        for write, place in (
            (archive_in, bare_machine / "cache"),
            (prepared_in, bare_machine / "tensorflow_datasets"),
            (npz_in, given),
            (archive_in, given),
            (prepared_in, given),
        ):
            expected = write(place, seed=len(str(place)))
            np.testing.assert_array_equal(first(given), expected)

    def test_a_split_the_first_place_lacks_comes_from_the_next(
        self, tmp_path, bare_machine
    ):
        expected = archive_in(bare_machine / "cache", 1)
        images, labels = writers.pictures(10, (32, 32, 3), 10)
        np.savez(tmp_path / "cifar10_train.npz", images=images, labels=labels)
        np.testing.assert_array_equal(first(tmp_path), expected)
        assert len(data.load("cifar10", "train", tmp_path)) == 10

    def test_damage_is_an_error_and_not_a_reason_to_go_on(self, tmp_path, bare_machine):
        archive_in(bare_machine / "cache", 1)
        (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"")
        with pytest.raises(data.DataError, match="truncated or damaged"):
            first(tmp_path)

    def test_places_of_the_environment_have_defaults(self, monkeypatch, tmp_path):
        monkeypatch.setenv("HOME", str(tmp_path))
        for name in ("TFDS_DATA_DIR", "PURIFAX_DATA_DIR", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        expected = archive_in(tmp_path / ".cache" / "purifax", 1)
        np.testing.assert_array_equal(first(None), expected)
        expected = prepared_in(tmp_path / "tensorflow_datasets", 2)
        np.testing.assert_array_equal(first(None), expected)
        expected = npz_in(tmp_path, 3)
        np.testing.assert_array_equal(first("~"), expected)


class TestDigits:
    """The embedded default."""

    def test_all_images_once(self):
        train, test = data.load("digits", "train"), data.load("digits", "test")
        assert train.images.shape == (1297, 8, 8, 1) and len(test) == 500
        both = np.sort(np.concatenate([train.index, test.index]))
        np.testing.assert_array_equal(both, np.arange(1797))
        assert np.bincount(test.labels).min() >= 48
        assert train.names == tuple("0123456789")

    def test_scaling_loses_nothing_and_uses_the_range(self):
        images, labels = digits.published()
        for split in ("train", "test"):
            found = data.load("digits", split)
            values = np.rint(found.images[..., 0] * (16 / 255))
            np.testing.assert_array_equal(values, images[found.index])
            np.testing.assert_array_equal(found.labels, labels[found.index])
            assert (found.images.min(), found.images.max()) == (0, 255)

    def test_the_stored_images_are_those_of_scikit_learn(self):
        """The hashes were taken from scikit-learn 1.9.1's arrays."""
        images, labels = digits.published()
        assert hashlib.sha256(images.tobytes()).hexdigest() == DIGITS_IMAGES
        stored = labels.astype(np.uint8).tobytes()
        assert hashlib.sha256(stored).hexdigest() == DIGITS_LABELS

    @pytest.mark.parity
    def test_the_images_equal_those_of_an_installed_scikit_learn(self):
        datasets = pytest.importorskip("sklearn.datasets")
        images, labels = digits.published()
        np.testing.assert_array_equal(images, datasets.load_digits().images)
        np.testing.assert_array_equal(labels, datasets.load_digits().target)

    def test_split_is_fixed_for_ever(self):
        record = parts_record({"test": data.load("digits", "test").index})
        assert record["test"]["sha256"].startswith(DIGITS_TEST)


class TestNames:
    """Wrong names and splits."""

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("cifar1", "No image set is called 'cifar1'. Did you mean 'cifar10'"),
            ("Fashion-MNIST", "Did you mean 'fashion_mnist'"),
            ("cifar10:fog:1", "No image set is called"),
            ("qqqq", "Known: digits, cifar10, .*folder, npz, tfds"),
        ],
    )
    def test_nearest_name(self, name, message):
        with pytest.raises(data.DataError, match=message):
            data.load(name, "train")

    def test_validation_comes_from_splits(self):
        with pytest.raises(data.DataError, match="purifax.data.splits"):
            data.load("digits", "validation")

    def test_absent_directory(self, tmp_path):
        with pytest.raises(data.DataError, match="none does not exist"):
            data.load("cifar10", "train", tmp_path / "none")
        (tmp_path / "file.npz").write_bytes(b"")
        with pytest.raises(
            data.DataError, match=r"file.npz does not exist or is a file"
        ):
            data.load("cifar10", "train", tmp_path / "file.npz")

    def test_errors_are_value_errors_of_one_line(self, tmp_path):
        with pytest.raises(ValueError) as error:
            data.load("mnist", "train", tmp_path, download=False)
        message = str(error.value)
        assert "\n" not in message
        for part in ("train-images-idx3-ubyte.gz", str(tmp_path / "mnist"), "'digits'"):
            assert part in message


@pytest.fixture
def server(tmp_path):
    """A web server of a folder on this machine, and the addresses asked of it."""
    folder = tmp_path / "served"
    folder.mkdir()
    asked = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, _, *args):
            asked.append(args[0])

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_address[1]}", asked
        running.shutdown()
        thread.join()


class TestDownload:
    """Archives from a server, into the directory given or the cache."""

    @pytest.fixture
    def published(self, server, monkeypatch):
        """Publishes an archive; returns a function that sets its checksum."""
        folder, address, asked = server
        expected = archive_in(folder, 4)

        def announce(checksum=None, addresses=("/cifar-10-python.tar.gz",)):
            content = (folder / "cifar-10-python.tar.gz").read_bytes()
            checksum = checksum or f"sha256:{hashlib.sha256(content).hexdigest()}"
            archive = catalogue.Archive(
                "cifar-10-python.tar.gz",
                checksum,
                tuple(address + path for path in addresses),
                1,
            )
            facts = catalogue.Set(catalogue.CIFAR10_CLASSES, (archive,), "cifar10")
            monkeypatch.setitem(catalogue.SETS, "cifar10", facts)
            return expected, asked

        return announce

    @pytest.mark.parametrize("given", [True, False])
    def test_fetched_once_into_the_right_place(
        self, tmp_path, bare_machine, published, given, caplog
    ):
        expected, asked = published()
        place = tmp_path / "mine" if given else bare_machine / "cache"
        if given:
            place.mkdir()
        for _ in range(2):
            found = data.load("cifar10", "test", place if given else None)
            np.testing.assert_array_equal(found.images[0], expected)
        assert len(asked) == 1
        assert [path.name for path in place.iterdir()] == ["cifar-10-python.tar.gz"]
        assert "downloading http://127.0.0.1" in caplog.text

    def test_wrong_checksum_is_refused_and_removed(self, tmp_path, published):
        published("md5:" + "0" * 32)
        place = tmp_path / "mine"
        place.mkdir()
        with pytest.raises(data.DataError, match="has the md5 .*, not 0000.*: put"):
            data.load("cifar10", "test", place)
        assert not list(place.iterdir())

    def test_second_address_is_tried(self, tmp_path, published):
        expected, asked = published(
            addresses=("/elsewhere.tar.gz", "/cifar-10-python.tar.gz")
        )
        found = data.load("cifar10", "test")
        np.testing.assert_array_equal(found.images[0], expected)
        assert len(asked) >= 2

    def test_no_network_is_one_line_that_says_what_to_do(self, tmp_path):
        with pytest.raises(data.DataError) as error:
            data.load("cifar10", "test", tmp_path)
        message = str(error.value)
        assert "\n" not in message
        for part in ("download failed", "cifar-10-python.tar.gz", str(tmp_path)):
            assert part in message
        assert not list(tmp_path.iterdir())

    def test_nothing_is_fetched_when_not_wanted(self, published):
        _, asked = published()
        with pytest.raises(data.DataError, match="downloading is switched off"):
            data.load("cifar10", "test", download=False)
        assert not asked

    def test_a_file_that_is_there_is_not_fetched(self, tmp_path, published):
        _, asked = published()
        archive = catalogue.SETS["cifar10"].archives[0]
        (tmp_path / archive.file).write_bytes(b"mine")
        assert download.fetch(archive, tmp_path).read_bytes() == b"mine"
        assert not asked

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path):
        (tmp_path / "file").write_text("in the way")
        archive = catalogue.SETS["mnist"].archives[0]
        with pytest.raises(data.DataError, match="file/inside cannot be made"):
            download.fetch(archive, tmp_path / "file" / "inside")

    def test_the_four_files_of_mnist_lie_in_their_own_folder(
        self, tmp_path, server, monkeypatch
    ):
        folder, address, _ = server
        images, labels = writers.pictures(20, (28, 28, 1), 10)
        files = writers.idx_files(images[:10], labels[:10])
        files |= writers.idx_files(images[10:], labels[10:], "t10k")
        writers.folder_of(folder, files)
        archives = tuple(
            catalogue.Archive(
                name,
                f"md5:{hashlib.md5(content).hexdigest()}",
                (f"{address}/{name}",),
                1,
            )
            for name, content in files.items()
        )
        facts = catalogue.Set(("a",) * 10, archives, "fashion_mnist", "fashion_mnist")
        monkeypatch.setitem(catalogue.SETS, "fashion_mnist", facts)
        place = tmp_path / "mine"
        place.mkdir()
        found = data.load("fashion_mnist", "train", place)
        np.testing.assert_array_equal(found.images, images[:10])
        assert [path.name for path in place.iterdir()] == ["fashion_mnist"]
        with pytest.raises(data.DataError, match="mnist .train. was found in none of"):
            data.load("mnist", "train", place, download=False)


def test_every_official_archive_has_a_checksum_and_an_address():
    for name, facts in catalogue.SETS.items():
        for archive in facts.archives:
            algorithm, digest = archive.checksum.split(":")
            assert len(digest) == {"md5": 32, "sha256": 64}[algorithm], name
            assert archive.addresses
            assert all(archive.file in address for address in archive.addresses)
    assert [len(facts.classes) for facts in catalogue.SETS.values()] == [
        *(10, 100, 10, 10, 0, 10, 10, 43, 0, 0, 10)
    ]
    assert list(catalogue.CIFAR100_CLASSES) == sorted(set(catalogue.CIFAR100_CLASSES))
