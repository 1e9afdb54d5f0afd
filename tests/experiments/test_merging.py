"""Evaluations of disjoint images, made into one report."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from small import evaluation, train

from experiments import evaluate as command
from experiments.lib import config as configlib
from experiments.lib import merging, workdir


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return train(tmp_path_factory.mktemp("networks"))


def evaluate(root, name, part=0, parts=1, **changes):
    config = evaluation(root, attacks=("blind",), pictured=0, **changes)
    images = dataclasses.replace(config.images, part=part, parts=parts)
    config = dataclasses.replace(config, images=images)
    assert command.evaluate(config, root / name, None, "the command")
    return root / name


@pytest.fixture(scope="module")
def parts(root):
    return [evaluate(root, f"part{i}", i, 2, probed=2) for i in range(2)]


@pytest.fixture(scope="module")
def whole(root):
    return evaluate(root, "whole", probed=2)


def records(folder):
    with np.load(folder / "record.npz") as stored:
        return {name: stored[name] for name in stored.files}


def assert_close(a, b):
    """Equal trees of plain values, up to the order in which floats are added."""
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for name in a:
            assert_close(a[name], b[name])
    else:
        assert a == (b if isinstance(b, str) else pytest.approx(b, abs=1e-5))


def test_the_record_is_that_of_one_machine(parts, whole, root):
    merging.merge(parts, root / "merged", "the command")
    merged, alone = records(root / "merged"), records(whole)
    assert merged.keys() == alone.keys()
    for name in merged:
        model = name.rpartition("/")[0]
        a, b = (np.argsort(r[f"{model}/index"]) for r in (merged, alone))
        np.testing.assert_allclose(merged[name][a], alone[name][b], atol=1e-6)
    found, given = (
        json.loads((folder / "summary.json").read_text())
        for folder in (root / "merged", whole)
    )
    assert_close(found["models"], given["models"])
    for mine, other in zip(found["curves"], given["curves"], strict=True):
        assert mine["images"] == other["images"] == 16
        np.testing.assert_allclose(mine["y"], other["y"], atol=1e-6)
        np.testing.assert_allclose(mine["low"], other["low"], atol=1e-5)
    assert len(found["probe"]["zero"]) == 4
    assert found["hashes"]["score"] == given["hashes"]["score"]
    config = configlib.decode(workdir.read_json(root / "merged" / "config.json"))
    assert (config.images.part, config.images.parts) == (0, 1)


def test_the_same_images_twice_are_refused(parts, root):
    shutil.copytree(parts[0], root / "again")
    with pytest.raises(ValueError, match="8 images in common"):
        merging.merge([parts[0], root / "again"], root / "refused", "")
    assert not (root / "refused").exists()


def test_another_config_is_refused_by_its_fields(parts, root):
    other = evaluate(root, "other", 1, 2, keys=1)
    with pytest.raises(ValueError, match="keys is 2 in .*part0 and 1 in .*other"):
        merging.merge([parts[0], other], root / "refused", "")


def test_other_weights_are_refused(parts, root):
    shutil.copytree(parts[1], root / "weights")
    path = root / "weights" / "summary.json"
    summary = json.loads(path.read_text())
    summary["hashes"]["score"] = "0"
    path.write_text(json.dumps(summary))
    with pytest.raises(ValueError, match="the score of .* has other weights"):
        merging.merge([parts[0], root / "weights"], root / "refused", "")


def test_a_merge_needs_two_and_a_place_of_its_own(parts, root):
    with pytest.raises(ValueError, match="two work directories or more"):
        merging.merge(parts[:1], root / "refused", "")
    with pytest.raises(ValueError, match="is one of those to merge"):
        merging.merge(parts, parts[0], "")
    with pytest.raises(FileNotFoundError, match="has no summary.json"):
        merging.merge([parts[0], root / "nowhere"], root / "refused", "")


def test_a_share_of_the_images_must_exist(root):
    with pytest.raises(ValueError, match="images.part=2 of images.parts=2"):
        evaluate(root, "beyond", 2, 2)
