"""What a job says of its purifier: any purifier, in any words of it."""

import dataclasses
import pathlib

import jax.numpy as jnp
import numpy as np
import pytest
from small import evaluation

from purifax import data, fleet, purify
from purifax.pipelines import dataset
from purifax.run.seal import checksum, sealed, unsealed


@pytest.fixture
def config(tmp_path):
    recipe = purify.ADP(sigma=0.2, level=0.2, rate=0.3, steps=2)
    return evaluation(tmp_path, score="digits_dsm", purifier=recipe)


@pytest.fixture
def place(tmp_path):
    """A job whose source is five images."""
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), np.uint8)
    np.savez(tmp_path / "in.npz", images=images, labels=np.arange(5))
    return dataset.Place(
        str(tmp_path / "in.npz"), str(tmp_path / "set"), shard_size=2, split="train"
    )


def done(place):
    """The purified images."""
    return data.load("tfds", "train", f"{place.out}/in_purified").images


def rewritten(place, **changes):
    """The job's file as a version with other fields would have written it."""
    path = pathlib.Path(place.out, "job.json")
    words = unsealed(path)
    words["purifier"] = {"recipe": "ADP", **changes}
    path.write_bytes(sealed(words))
    for record in path.parent.glob("records/*"):
        words_ = unsealed(record) | {"job": checksum(words)}
        record.write_bytes(sealed(words_))


def test_a_job_with_fewer_fields_goes_on_or_says_what_differs(config, place):
    assert dataset.purify(config, place, npz=False) == 0
    same = {"sigma": 0.2, "level": 0.2, "rate": 0.3, "steps": 2}
    rewritten(place, **same)  # all others are at their defaults
    assert dataset.purify(config, place, npz=False) == 0
    assert dataset.check(config, place, 5) == 0
    rewritten(place, **same | {"sigma": 0.3})
    words = r"holds another job: purifier.sigma is 0.3 there and 0.2 here"
    with pytest.raises(fleet.Mismatch, match=words):
        dataset.purify(config, place, npz=False)


def brighter(key, x):
    del key
    return x + 0.25


def darker(key, x):
    del key
    return x - 0.25


@pytest.mark.parametrize("wanted", [brighter, "bit_depth", "purifax.purify:noised"])
def test_a_job_takes_any_purifier(config, place, wanted):
    mine = dataclasses.replace(config, purifier=wanted)
    assert dataset.purify(mine, place, npz=False) == 0
    assert dataset.check(mine, place, 5) == 0
    with np.load(place.source) as source:
        assert (done(place) != source["images"]).any()
    other = dataclasses.replace(config, purifier=darker)
    with pytest.raises(fleet.Mismatch, match="recipe is .* there and .*darker"):
        dataset.purify(other, place, npz=False)


def test_the_code_of_a_callable_is_part_of_its_job(config, place):
    first = dataclasses.replace(config, purifier=lambda key, x: x + 0.25)
    assert dataset.purify(first, place, npz=False) == 0
    other = dataclasses.replace(config, purifier=lambda key, x: jnp.sqrt(x))
    with pytest.raises(fleet.Mismatch, match="holds another job: weights is"):
        dataset.purify(other, place, npz=False)


def test_no_purifier_is_refused(config, place):
    with pytest.raises(ValueError, match="purifier is none, which purifies nothing"):
        dataset.purify(dataclasses.replace(config, purifier=None), place, npz=False)
