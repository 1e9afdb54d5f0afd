"""Evaluations of disjoint images, made into one report."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from small import evaluation, train

from purifax.command import evaluate as command
from purifax.evaluation import merging, workers
from purifax.evaluation.settings import Evaluation
from purifax.fleet.lease import Leases
from purifax.run import config as configlib
from purifax.run import workdir
from purifax.run.errors import UsageError

pytestmark = pytest.mark.xdist_group("evaluations")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return train(tmp_path_factory.mktemp("networks"))


def plain(root, **changes):
    return evaluation(root, attacks=("blind",), pictured=0, **changes)


def one(config, folder):
    command.evaluate(config, folder, None, "the command")


def evaluate(root, name, part=0, parts=1, **changes):
    config = plain(root, **changes)
    images = dataclasses.replace(config.images, part=part, parts=parts)
    config = dataclasses.replace(config, images=images)
    one(config, root / name)
    return root / name


@pytest.fixture(scope="module")
def shared(root):
    """What each of two workers at one evaluation left in the folder."""
    folder, left = root / "shared", []
    for worker in range(2):
        config = plain(root, probed=2)
        workers.run(config, folder, (worker, 2), one, "the command")
        left.append({path.name for path in folder.iterdir()})
    return folder, left


@pytest.fixture(scope="module")
def parts(shared):
    return [shared[0] / f"part-{i}-of-2" for i in range(2)]


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


def test_the_last_of_the_workers_merges(shared, root, capsys):
    folder, (before, after) = shared
    assert before == {"part-0-of-2"}
    assert {"part-0-of-2", "part-1-of-2", "record.npz", "report.html"} <= after
    busy = Leases(folder / "leases")
    assert busy.claim("merge")
    workers.run(plain(root, probed=2), folder, (1, 2), one, "the command")
    assert (
        f"--merge={folder}/part-0-of-2,{folder}/part-1-of-2 " in capsys.readouterr().err
    )
    busy.release("merge")


def test_workers_do_not_divide_what_is_divided(root):
    config = plain(root)
    images = dataclasses.replace(config.images, parts=2)
    divided = dataclasses.replace(config, images=images)
    with pytest.raises(UsageError, match="leave --config.images.parts"):
        workers.run(divided, root / "refused", (1, 2), one, "the command")


def test_the_record_is_that_of_one_machine(shared, whole):
    merged, alone = records(shared[0]), records(whole)
    assert merged.keys() == alone.keys()
    for name in merged:
        model = name.rpartition("/")[0]
        a, b = (np.argsort(r[f"{model}/index"]) for r in (merged, alone))
        np.testing.assert_allclose(merged[name][a], alone[name][b], atol=1e-6)
    found, given = (
        json.loads((folder / "summary.json").read_text())
        for folder in (shared[0], whole)
    )
    assert_close(found["models"], given["models"])
    for mine, other in zip(found["curves"], given["curves"], strict=True):
        assert mine["images"] == other["images"] == 16
        np.testing.assert_allclose(mine["y"], other["y"], atol=1e-6)
        np.testing.assert_allclose(mine["low"], other["low"], atol=1e-5)
    assert len(found["probe"]["zero"]) == 4
    assert found["hashes"]["score"] == given["hashes"]["score"]
    config = configlib.decode(
        workdir.read_json(shared[0] / "config.json"), [Evaluation]
    )
    assert (config.images.part, config.images.parts) == (0, 1)


def test_the_same_images_twice_are_refused(parts, root):
    shutil.copytree(parts[0], root / "again")
    with pytest.raises(ValueError, match="8 images in common"):
        merging.merge([parts[0], root / "again"], root / "refused", "")
    assert not (root / "refused").exists()


def test_another_config_is_refused_by_its_fields(parts, root):
    other = evaluate(root, "other", 1, 2, keys=1)
    with pytest.raises(ValueError, match="keys is 2 in .*part-0-of-2 and 1 in .*other"):
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
