"""The worker: the same rows whoever works, in whatever batches, and whoever dies."""

import contextlib
import threading
import time
import tracemalloc

import jax
import numpy as np
import pytest
import tensorflow_datasets as tfds
from fleet import jobs
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import batched, fleet
from purifax.data.examples import Example, Stream
from purifax.fleet.ahead import ahead
from purifax.fleet.purify_batch import key_words


def together(one, workers, batch=7, **options):
    """So many workers at once, each a thread."""
    errors = []

    def run(worker):
        try:
            fleet.work(
                one,
                jobs.memory(),
                jobs.purify,
                batch,
                worker=worker,
                workers=workers,
                pause=0.01,
                **options,
            )
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


@pytest.mark.parametrize(
    ("workers", "batch", "shards"),
    [(1, 7, 5), (2, 16, 5), (3, 7, 3), (4, 16, 11), (1, 50, 1), (4, 1, 2)],
)
def test_rows_depend_on_the_image_alone(tmp_path, workers, batch, shards):
    one = jobs.job(tmp_path, jobs.memory(), shards)
    together(one, workers, batch)
    jobs.assert_right(one, jobs.images())


def noisy(key, x):
    return x + 0.2 * jax.random.normal(key, x.shape)


@pytest.mark.parametrize(("batch", "devices"), [(7, 1), (16, 4), (6, 8)])
def test_a_purifier_is_mapped_as_everywhere_else(tmp_path, batch, devices):
    source = jobs.images(9)
    stream = jobs.streams.from_images(source)
    one = jobs.job(tmp_path, stream, 2, seed=3)
    purify = fleet.batched_purifier(Partial(noisy), 3, batch, jax.devices()[:devices])
    fleet.work(one, stream, purify, batch)
    found = jobs.rows(one)
    key, x = jax.random.key(3), jnp.asarray(source.images) / 255.0
    small = source.index < 2**32
    index = jnp.asarray(source.index[small].astype(np.uint32))
    purified = batched(Partial(noisy))(key, x[small], index=index)
    right = np.asarray(jnp.round(jnp.clip(purified, 0, 1) * 255)).astype(np.uint8)
    for number, image in zip(source.index[small], right, strict=True):
        np.testing.assert_array_equal(found[number]["image"], image)


def test_every_id_has_a_key_of_its_own():
    ids = [0, 1, 2**32, 2**32 + 1, b"train_1", b"train_2", -1]
    purify = fleet.batched_purifier(Partial(noisy), 0, len(ids))
    pixels = np.full((len(ids), 8, 8, 1), 128, np.uint8)
    purified, _ = purify(key_words(ids), pixels)
    assert len({image.tobytes() for image in np.asarray(purified)}) == len(ids)


def test_the_set_says_what_it_is(tmp_path):
    one = jobs.job(tmp_path, jobs.memory(), weights="ab12", seed=5)
    fleet.work(one, jobs.memory(), jobs.purify, 7)
    builder = tfds.builder_from_directory(one.data)
    words = builder.info.metadata
    assert (words["weights"], words["seed"]) == ("ab12", 5)
    assert words["purifier"] == {"name": "three"}
    assert tuple(builder.info.features["label"].names) == jobs.NAMES
    assert len(tfds.data_source("purified", split="train", data_dir=tmp_path)) == 41
    assert fleet.load(tmp_path) == one


def test_a_second_run_does_nothing(tmp_path):
    one = jobs.job(tmp_path, jobs.memory())
    assert fleet.work(one, jobs.memory(), jobs.purify, 7).images == 41
    before = {path.name: path.stat().mtime for path in one.data.iterdir()}

    def never(words, pixels):
        raise AssertionError

    assert fleet.work(one, jobs.memory(), never, 7).shards == 0
    assert {path.name: path.stat().mtime for path in one.data.iterdir()} == before


def endless(count):
    """A source of larger images that are made when they are read."""

    def read(positions):
        for n in positions:
            pixels = np.random.default_rng(n).integers(0, 256, (48, 48, 3), np.uint8)
            yield Example(n, pixels, 0, n)

    return Stream(count, (48, 48, 3), jobs.NAMES, "made", str(count), read)


def peak(out, count):
    """Bytes in use at most, for a job with shards of 40 images of 7 kB."""
    stream = endless(count)
    one = jobs.job(out, stream, count // 40)
    tracemalloc.start()
    fleet.work(one, stream, jobs.purify, 8)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_memory_is_that_of_a_shard(tmp_path):
    peak(tmp_path / "warm", 40)
    few, many = peak(tmp_path / "few", 80), peak(tmp_path / "many", 480)
    assert many < 1.2 * few
    assert many < 480 * 48 * 48 * 3 / 2


def test_what_is_read_ahead_is_bounded():
    made = []

    def items():
        for n in range(100):
            made.append(n)
            yield n

    with contextlib.closing(ahead(items(), 3)) as rows:
        assert next(rows) == 0
        time.sleep(0.05)
    assert len(made) <= 6


def test_an_error_of_the_source_comes_through():
    def items():
        yield 1
        raise OSError("the disk is gone")

    rows = ahead(items(), 3)
    assert next(rows) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(rows)
