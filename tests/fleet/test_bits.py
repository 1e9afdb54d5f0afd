"""The bits of an image: what they depend on, and what they do not.

A program is compiled for a number of images on each device. With that number fixed,
neighbours, places in the batch and devices do not matter to a bit.
"""

import jax
import numpy as np
import pytest
from fleet import jobs
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import data, fleet, purify, weights
from purifax.fleet.purify_batch import key_words, share

SHARE = 4


def lowest(key, x, purifier):
    """The lowest eight bits of each purified value, which rounding to grey hides."""
    bits = jax.lax.bitcast_convert_type(purifier(key, x), jnp.uint32)
    return (bits & 255).astype(jnp.float32) / 255


@pytest.fixture(scope="module")
def purifier():
    recipe = purify.ADP(sigma=0.25, level=0.25, rate=0.8, largest=0.25, steps=2)
    bound = recipe.build(purify.Prior(score=weights.score("digits_dsm")))
    return Partial(lowest, purifier=bound)


@pytest.fixture(scope="module")
def images():
    return data.load("digits", "test").images[:24]


def run(purifier, images, ids, devices):
    """All images, by so many devices with `SHARE` images on each."""
    batch = SHARE * devices
    one = fleet.batched_purifier(purifier, 3, batch, jax.devices()[:devices])
    assert one.share == SHARE
    found = []
    for start in range(0, len(images), batch):
        rows = np.minimum(np.arange(start, start + batch), len(images) - 1)
        words = key_words([ids[row] for row in rows])
        found.append(np.asarray(one(words, images[rows])[0]))
    return np.concatenate(found)[: len(images)]


@pytest.fixture(scope="module")
def alone(purifier, images):
    return run(purifier, images, range(24), 1)


@pytest.mark.parametrize("devices", [2, 3, 8])
def test_the_number_of_devices_does_not_matter(purifier, images, alone, devices):
    """A program that XLA partitions among devices rounds differently than one alone."""
    np.testing.assert_array_equal(run(purifier, images, range(24), devices), alone)


@pytest.mark.parametrize("seed", range(3))
def test_neighbours_and_places_do_not_matter(purifier, images, alone, seed):
    """Other neighbours, in another order; every other one is of noise."""
    random = np.random.default_rng(seed)
    order = random.permutation(24)
    mixed = images[order].copy()
    mixed[::2] = random.integers(0, 256, mixed[::2].shape)
    found = run(purifier, mixed, order, 1)
    np.testing.assert_array_equal(found[1::2], alone[order[1::2]])
    assert (found[::2] != alone[order[::2]]).any()


def test_compiled_again_it_gives_the_same(purifier, images, alone):
    jax.clear_caches()
    np.testing.assert_array_equal(run(purifier, images, range(24), 1), alone)


def identity(key, x):
    return x


@pytest.mark.parametrize(
    ("batch", "devices", "each"), [(8, 1, 8), (8, 4, 2), (7, 4, 7)]
)
def test_the_job_records_the_images_on_each_device(tmp_path, batch, devices, each):
    assert share(batch, jax.devices()[:devices]) == each
    one, stream = jobs.job(tmp_path, jobs.memory(9), 2), jobs.memory(9)
    made = fleet.batched_purifier(Partial(identity), 0, batch, jax.devices()[:devices])
    fleet.work(one, stream, made, batch)
    assert fleet.load(tmp_path).batch == each
    other = fleet.batched_purifier(Partial(identity), 0, 5, jax.devices()[:1])
    with pytest.raises(fleet.Mismatch, match=f"batch is {each} there and 5 here"):
        fleet.work(one, stream, other, 5)
    more = fleet.batched_purifier(Partial(identity), 0, 2 * each, jax.devices()[:2])
    assert fleet.work(one, stream, more, 2 * each).shards == 0
