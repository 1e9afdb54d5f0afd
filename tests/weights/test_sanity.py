"""The check of converted scores: right readings pass, and wrong ones are refused.

`golden/openai_digits.npz` holds a tiny UNet of OpenAI's layout that `make_trained.py`
trained on digits, as a file of theirs would hold it.
"""

import json
import pathlib
from functools import cache

import numpy as np
import pytest
from weights import torch_files

from purifax import nets, weights
from purifax.weights import conversion, families, held_out, sanity

STATE = pathlib.Path(__file__).parent / "golden" / "openai_digits.npz"
RIGHT = {"num_heads": 2, "groups": 4, "side": 8, "betas": "linear", "steps": 1000}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sanity") / "file.pt"
    with np.load(STATE) as stored:
        state = {name: stored[name].astype(np.float32) for name in stored.files}
    path.write_bytes(torch_files.archive(state))
    negated = {n: -a if n.startswith("out.2") else a for n, a in state.items()}
    path.with_name("negated.pt").write_bytes(torch_files.archive(negated))
    return path


def checked(made):
    images, words = held_out.images(made.shape)
    return sanity.check(made.network, made.predicts, images, words, made.others)


def test_the_right_reading_passes(file):
    found = checked(families.read("openai", str(file), RIGHT))
    assert found.refusal() == ""
    own = np.array(found.errors[sanity.OWN])
    assert (own < 0.7).all()
    assert (np.array(found.errors[sanity.SIGN]) > 2).all()
    lines = found.table().splitlines()
    assert lines[2].startswith("as converted") and lines[3].endswith("1.000")


def quick(cases, *names):
    """The cases, of which all but these are slow tests."""
    slow = pytest.mark.slow
    return [c if c in names else pytest.param(c, marks=slow) for c in cases]


WRONG = {
    "more heads": ({"num_heads": 4}, "num_heads=2"),
    "one head": ({"num_heads": 1}, "num_heads=2"),
    "the new order": ({"new_order": True}, "new_order=False"),
    "cosine betas": ({"betas": "cosine"}, "process linear"),
    "a longer chain": ({"steps": 4000}, "label 1000 k / T"),
}


@pytest.mark.parametrize("case", quick(WRONG, "more heads", "the new order"))
def test_wrong_flags_are_refused(file, case):
    flags, message = WRONG[case]
    found = checked(families.read("openai", str(file), RIGHT | flags))
    assert message in found.refusal()


OTHERS = {
    "sub-VP": {"process": {"name": "SubVP"}, "label_scale": 999.0},
    "the clean image": {"predicts": "denoised"},
    "velocity": {"predicts": "velocity"},
    "[0, 1]": {"centre": 0.0, "width": 1.0},
    "labels from 0 to 1": {"label_scale": 1e-3},
    "labels that fall": {"label_scale": -1.0, "label_start": 999.0},
}


@pytest.mark.parametrize("case", quick(OTHERS, "sub-VP", "[0, 1]"))
def test_wrong_predictions_are_refused(file, case):
    made = families.read("openai", str(file), RIGHT)
    words = made.predicts.words() | OTHERS[case]
    images, said = held_out.images(made.shape)
    found = sanity.check(made.network, weights.Prediction(**words), images, said)
    assert found.refusal(), found.table(20)


def test_a_reversed_sign_is_refused_or_converted_knowingly(file, tmp_path):
    made = families.read("openai", str(file.with_name("negated.pt")), RIGHT)
    with pytest.raises(conversion.Implausible, match="its sign is reversed.*--anyway"):
        conversion.write(made, str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    written = conversion.write(made, str(tmp_path / "out"), anyway=True)
    assert "its sign is reversed" in written.doubt
    words = json.loads((tmp_path / "out" / "network.json").read_text())["converted"]
    assert "sign is reversed" in words["accepted"] and words["family"] == "openai"
    assert min(words["check"]["errors"]["as converted"]) > 1
    assert weights.load(tmp_path / "out").module == made.network.module


@cache
def shipped(name):
    return weights.load(name), weights.prediction(name), weights.image_shape(name)


@pytest.mark.parametrize("name", ["digits_dsm", "digits_ddpm", "mnist_ddpm"])
def test_shipped_scores_pass(name):
    network, predicts, shape = shipped(name)
    found = sanity.check(network, predicts, *held_out.images(shape))
    assert found.refusal() == ""
    assert max(found.errors[sanity.OWN]) < 0.85


def test_images_of_a_folder_are_cropped_and_resized(tmp_path):
    from PIL import Image

    grey = np.tile(np.arange(0, 240, 10, np.uint8), (12, 1))
    (tmp_path / "in").mkdir()
    Image.fromarray(grey).save(tmp_path / "a.png")
    Image.fromarray(np.stack([grey] * 3, -1)).save(tmp_path / "in" / "b.jpg")
    found, words = held_out.images((8, 8, 3), str(tmp_path))
    assert found.shape == (2, 8, 8, 3) and "2 images" in words
    assert 0 <= found.min() < found.max() <= 1
    with pytest.raises(FileNotFoundError, match="has no image"):
        (tmp_path / "empty").mkdir()
        held_out.images((8, 8, 3), str(tmp_path / "empty"))


def test_a_score_that_is_not_finite_is_refused():
    network, predicts, shape = shipped("digits_dsm")
    lost = nets.Network(network.module, _scaled(network.variables, np.nan))
    images, words = held_out.images(shape)
    assert "not finite" in sanity.check(lost, predicts, images, words).refusal()


def _scaled(tree, factor):
    if isinstance(tree, dict):
        return {name: _scaled(item, factor) for name, item in tree.items()}
    return np.asarray(tree) * factor
