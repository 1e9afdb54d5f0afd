"""What a job says of its purifier: any purifier, and jobs of earlier versions."""

import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest
from small import evaluation

from purifax import data, fleet, purify
from purifax.pipelines import dataset
from purifax.pipelines.records import from_defence

DEFENCE = {
    "method": "adaptive",
    "sigma": 0.25,
    "sigmas": [],
    "noise": "gaussian",
    "slope": 0.1,
    "level": 0.25,
    "last_level": None,
    "steps": 10,
    "curvature": "jvp",
    "rate": 0.05,
    "smallest": 1e-05,
    "largest": 0.1,
    "stop": 0.001,
    "calm": 0.2,
    "false_alarms": 0.05,
    "runs": 10,
    "rule": "probabilities",
    "sampler": "sde",
    "process": "",
    "time": None,
    "times": [],
    "last_time": None,
    "repeats": [],
    "spacing": "time",
    "eta": 0.0,
    "variance": "small",
    "distance": "",
    "strength": None,
    "against": 8 / 255,
    "step_size": 0.05,
    "spread": 0.05,
    "objective": "gap",
    "weight": 1.0,
    "reach": None,
    "epsilon": 0.00625,
    "temperature": None,
    "fraction": 1.0,
    "quality": 75,
    "subsampled": True,
    "bits": 3,
}
"""What earlier versions wrote of a purifier: the fields of all methods."""


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
    """The job's file as an earlier version would have written it."""
    path = f"{place.out}/job.json"
    with open(path) as file:
        words = json.load(file)
    words["purifier"] = DEFENCE | changes
    with open(path, "w") as file:
        json.dump(words, file)


def test_a_job_of_an_earlier_version_goes_on_or_says_what_differs(config, place):
    assert dataset.purify(config, place, npz=False) == 0
    same = {"sigma": 0.2, "level": 0.2, "rate": 0.3, "steps": 2}
    rewritten(place, **same, runs=3, eta=0.5)  # which ADP does not know
    assert dataset.purify(config, place, npz=False) == 0
    assert dataset.check(config, place, 5) == 0
    rewritten(place, **same | {"sigma": 0.3})
    words = r"holds another job: purifier.sigma is 0.3 there and 0.2 here. Give another"
    with pytest.raises(fleet.Mismatch, match=words):
        dataset.purify(config, place, npz=False)
    rewritten(place, method="diffuse")
    with pytest.raises(fleet.Mismatch, match='recipe is "DiffPure" there and "ADP" he'):
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


@pytest.mark.parametrize(
    ("changes", "recipe"),
    [
        ({"sigmas": [0.1, 0.2]}, purify.ADP(sigmas=(0.1, 0.2))),
        ({"method": "rounds", "sigmas": [0.2]}, purify.Rounds(sigmas=(0.2,))),
        ({"method": "detect", "calm": 0.3}, purify.Detect(calm=0.3)),
        ({"method": "one_step", "level": 0.1}, purify.OneStep()),
        (
            {"method": "diffuse", "sampler": "ancestral"},
            purify.DiffPure(sampler="ancestral", sigma=0.25, variance="small"),
        ),
        (
            {"method": "diffuse", "time": 0.1, "last_time": 1e-5, "process": "VP"},
            purify.DiffPure(time=0.1, last_time=1e-5, process="VP"),
        ),
        (
            {"method": "gradual", "times": [29.0, 49.0], "repeats": [4, 2]},
            purify.LeeKim(times=(29, 49), repeats=(4, 2), steps=10, sampler="sde"),
        ),
        (
            {"method": "gdmp", "repeats": [4], "distance": "ssim"},
            purify.GDMP(sigma=0.25, repeats=4, distance="ssim"),
        ),
        (
            {"method": "mimic", "distance": "square", "strength": 3.0},
            purify.Mimic(sigma=0.25, distance="square", strength=3.0),
        ),
        (
            {"method": "likelihood", "objective": "anchored", "reach": 0.1},
            purify.LM(
                objective="anchored", reach=0.1, spread=0.05, weight=1.0, steps=10
            ),
        ),
        (
            {"method": "scoreopt", "objective": "noised"},
            purify.ScoreOpt(objective="noised", steps=10),
        ),
        ({"method": "langevin"}, purify.Langevin(level=0.25)),
        ({"method": "mala", "temperature": 0.5}, purify.MALA(temperature=0.5)),
        (
            {"method": "puregen", "time": 75.0, "repeats": [2], "variance": "large"},
            purify.PureGen(time=75, repeats=2, variance="large"),
        ),
        (
            {"method": "puregen_code", "time": 75.0, "fraction": 0.5},
            purify.PureGenCode(time=75, fraction=0.5),
        ),
        ({"method": "jpeg", "quality": 50}, purify.JPEG(quality=50)),
        ({"method": "bit_depth", "bits": 2}, purify.BitDepth(bits=2)),
    ],
)
def test_a_defence_of_an_earlier_version_is_a_recipe(changes, recipe):
    assert from_defence(DEFENCE | changes) == recipe
