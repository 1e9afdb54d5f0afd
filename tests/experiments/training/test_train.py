"""Training: what a run writes, resumes, refuses, and how it ends."""

import dataclasses
import json
import os
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from training_runs import changed, classifier_run, rows, saved, score_run, steps

from experiments.training import loop
from experiments.training.config import (
    ClassifierNet,
)
from experiments.training.run import first_state, set_up
from experiments.training.validation import Validation
from purifax import data, weights
from purifax.data.split import parts_record
from purifax.evaluation.batches import Batches
from purifax.run import config as configlib
from purifax.run import workdir
from purifax.run.stop import Stopped


def same_bits(one, two):
    a, b = saved(one), saved(two)
    assert a.keys() == b.keys()
    different = [name for name in a if a[name].tobytes() != b[name].tobytes()]
    assert different == []
    a, b = saved(one, "ema"), saved(two, "ema")
    assert all(a[name].tobytes() == b[name].tobytes() for name in a)


def interrupt_at(monkeypatch, step):
    """The process gets a real SIGTERM while it prepares this step."""
    plain = Batches.__call__

    def call(self, at):
        if at == step:
            os.kill(os.getpid(), signal.SIGTERM)
        return plain(self, at)

    monkeypatch.setattr(Batches, "__call__", call)


@pytest.fixture(scope="module")
def score_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "score"
    loop.train(score_run(), folder, None)
    return folder


@pytest.fixture(scope="module")
def classifier_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "classifier"
    loop.train(classifier_run(steps=60), folder, None)
    return folder


def test_a_work_directory_describes_itself(score_folder):
    names = {path.name for path in score_folder.iterdir()} - {"tensorboard"}
    assert names == {
        "checkpoints",
        "config.json",
        "denoising.png",
        "metrics.jsonl",
        "network.json",
        "samples.png",
        "splits.json",
        "summary.json",
    }
    words = workdir.read_json(score_folder / "config.json")
    assert configlib.decode(words, [type(score_run())]) == score_run()


def test_metrics_are_logged_and_validated_when_due(score_folder):
    found = {row["step"]: set(row) for row in rows(score_folder)}
    plain = {"step", "loss", "learning_rate"}
    assert found == {
        4: plain,
        8: plain | {"validation_loss"},
        12: plain | {"validation_loss"},
    }


def test_the_logged_loss_is_the_mean_since_the_last_line(tmp_path):
    loop.train(classifier_run(steps=4, log_every=1), tmp_path / "each", None)
    loop.train(classifier_run(steps=4, log_every=3), tmp_path / "some", None)
    each = [row["loss"] for row in rows(tmp_path / "each")]
    some = [row["loss"] for row in rows(tmp_path / "some")]
    np.testing.assert_allclose(some, [np.mean(each[:3]), each[3]], rtol=1e-5)


def test_checkpoints_are_kept_as_asked(score_folder):
    assert steps(score_folder) == [10, 12]


def test_the_summary_counts_and_hashes(score_folder):
    summary = workdir.read_json(score_folder / "summary.json")
    assert summary["steps"] == 12
    assert summary["images"] == {"train": 1167, "validation": 130}
    assert summary["parameters"] == sum(
        array.size for array in saved(score_folder, "ema").values()
    )
    ema = weights.load(score_folder).variables
    assert summary["weights_sha256"] == workdir.fingerprint(ema)
    assert summary["splits"] == workdir.read_json(score_folder / "splits.json")
    assert summary["versions"]["jax"] == jax.__version__


def test_a_classifier_is_measured_on_the_test_images(classifier_folder):
    summary = workdir.read_json(classifier_folder / "summary.json")
    assert summary["images"]["test"] == 500
    network = weights.load(classifier_folder)
    test = data.load("digits", "test")
    logits = jax.vmap(network)(data.augment.to_float(test.images))
    accuracy = np.mean(np.argmax(np.asarray(logits), 1) == test.labels)
    assert summary["test"]["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert accuracy > 0.5


def test_training_and_validation_images_are_disjoint_and_recorded(score_folder):
    run = set_up(score_run(), score_folder, None)
    assert not set(run.train.index) & set(run.held.index)
    assert len(run.train) + len(run.held) == len(data.load("digits", "train"))
    recorded = workdir.read_json(score_folder / "splits.json")["parts"]
    found = parts_record({"train": run.train.index, "validation": run.held.index})
    assert recorded == found


def test_pictures_have_their_rows(score_folder):
    # 64 and 2 pixels a side; seven rows of ten, and four samples in a square.
    with Image.open(score_folder / "denoising.png") as picture:
        assert picture.size == (660, 462)
    with Image.open(score_folder / "samples.png") as picture:
        assert picture.size == (132, 132)


def test_the_loaded_network_is_the_averaged_one(score_folder):
    network = weights.load(score_folder)
    averaged, last = saved(score_folder, "ema"), saved(score_folder)
    leaves = jax.tree_util.tree_leaves_with_path(network.variables)
    for path, leaf in leaves:
        name = jax.tree_util.keystr(path)
        assert (np.asarray(leaf) == averaged[name]).all()
    kernels = [name for name in averaged if "kernel" in name]
    differs = [(averaged[n] != last[f"['variables']{n}"]).any() for n in kernels]
    assert any(differs)


def test_an_earlier_checkpoint_can_be_loaded(score_folder):
    early, late = weights.load(score_folder, step=10), weights.load(score_folder)
    x, sigma = jnp.full((8, 8, 1), 0.5), jnp.float32(0.3)
    assert not np.allclose(early(x, sigma), late(x, sigma), atol=1e-7)


@pytest.mark.parametrize(("ema", "decay"), [(0.01, 0.01), (0.75, 0.1)])
def test_the_average_follows_the_weights(tmp_path, ema, decay):
    """One step is too short a run for 0.75: its decay begins at a tenth."""
    config = changed(classifier_run(steps=1), "optim", ema=ema)
    loop.train(config, tmp_path / "run", None)
    begin = first_state(set_up(config, tmp_path, None)).variables
    last, averaged = saved(tmp_path / "run"), saved(tmp_path / "run", "ema")
    for path, leaf in jax.tree_util.tree_leaves_with_path(begin):
        name = jax.tree_util.keystr(path)
        new = last[f"['variables']{name}"]
        expected = decay * np.asarray(leaf) + (1 - decay) * new
        np.testing.assert_allclose(averaged[name], expected, atol=1e-7)


def test_the_same_command_again_has_nothing_to_do(score_folder, capsys):
    before = (score_folder / "summary.json").stat().st_mtime_ns
    log = (score_folder / "metrics.jsonl").read_text()
    loop.train(score_run(), score_folder, None)
    assert "complete after 12 steps" in capsys.readouterr().err
    assert (score_folder / "summary.json").stat().st_mtime_ns == before
    assert (score_folder / "metrics.jsonl").read_text() == log


def test_a_run_killed_before_its_summary_writes_it(tmp_path):
    loop.train(classifier_run(), tmp_path, None)
    path = tmp_path / "summary.json"
    summary = json.loads(path.read_text())
    path.unlink()
    loop.train(classifier_run(), tmp_path, None)
    assert json.loads(path.read_text()) == summary


def test_another_config_is_refused_by_name(score_folder):
    other = changed(score_run(seed=5), "optim", learning_rate=0.5)
    before = (score_folder / "config.json").read_text()
    with pytest.raises(ValueError, match="holds a run of another config") as caught:
        loop.train(other, score_folder, None)
    assert "train.seed is 0 there and 5 here" in str(caught.value)
    assert "optim.learning_rate is 0.001 there and 0.5 here" in str(caught.value)
    assert (score_folder / "config.json").read_text() == before


def test_a_longer_run_is_the_same_run_only_at_a_constant_rate(tmp_path):
    loop.train(classifier_run(), tmp_path / "grown", None)
    loop.train(classifier_run(steps=17), tmp_path / "grown", None)
    loop.train(classifier_run(steps=17), tmp_path / "straight", None)
    same_bits(tmp_path / "grown", tmp_path / "straight")
    with pytest.raises(ValueError, match="train.steps is 17 there and 12 here"):
        loop.train(classifier_run(), tmp_path / "grown", None)

    cosine = changed(classifier_run(), "optim", schedule="cosine")
    loop.train(cosine, tmp_path / "cosine", None)
    longer = changed(cosine, "train", steps=20)
    with pytest.raises(ValueError, match="train.steps is 12 there and 20 here"):
        loop.train(longer, tmp_path / "cosine", None)


def test_sigterm_saves_and_the_resumed_run_has_the_same_bits(
    score_folder, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 6)
        with pytest.raises(Stopped, match="stopped after step 7, saved") as stopped:
            loop.train(score_run(), tmp_path / "score", None)
    assert stopped.value.code == 143
    assert "To resume: python" in str(stopped.value)
    assert steps(tmp_path / "score") == [5, 7]
    assert not (tmp_path / "score" / "summary.json").exists()
    loop.train(score_run(), tmp_path / "score", None)
    same_bits(tmp_path / "score", score_folder)
    assert rows(tmp_path / "score") == rows(score_folder)


def test_signals_are_given_back(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    loop.train(classifier_run(steps=1), tmp_path, None)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_loss_that_is_not_finite_stops_with_its_step(tmp_path, monkeypatch):
    plain = Batches.__call__

    def poisoned(self, step):
        images, labels = plain(self, step)
        return images, np.full_like(labels, -1 if step >= 7 else 0) + labels

    def lost(variables, key, images, labels):
        loss = jnp.where(jnp.min(labels) < 0, jnp.nan, 1.0)
        return loss * sum(jnp.sum(p) for p in jax.tree.leaves(variables)), {}

    monkeypatch.setattr(Batches, "__call__", poisoned)
    monkeypatch.setattr("experiments.training.objectives.objective", lambda *_: lost)
    with pytest.raises(loop.Diverged) as caught:
        loop.train(classifier_run(), tmp_path, None)
    words = str(caught.value)
    assert words.startswith("the loss is nan at step 8 of 12.")
    assert f"Last good checkpoint: step 5 in {tmp_path}" in words
    assert steps(tmp_path) == [5]
    assert not (tmp_path / "summary.json").exists()


def test_weights_that_are_not_finite_are_never_saved(tmp_path):
    config = changed(classifier_run(save_every=1), "optim", learning_rate=1e300)
    with pytest.raises(loop.Diverged, match="weight is not finite at step 1 of"):
        loop.train(config, tmp_path, None)
    assert steps(tmp_path) == []


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (changed(score_run(), "net", name="SmallScor"), "did you mean SmallScore"),
        (changed(score_run(), "net", fold=3), "multiples of 3"),
        (changed(score_run(), "data", name="digit"), "Did you mean 'digits'"),
        (changed(score_run(), "data", name="cifar10"), "cifar10"),
    ],
)
def test_a_config_that_cannot_run_leaves_nothing_behind(tmp_path, config, message):
    folder = tmp_path / "run"
    with pytest.raises(ValueError, match=message):
        loop.train(config, folder, str(tmp_path))
    assert not folder.exists()


def test_other_training_images_are_refused(tmp_path):
    loop.train(classifier_run(steps=1), tmp_path, None)
    splits = workdir.read_json(tmp_path / "splits.json")
    splits["parts"]["train"]["sha256"] = "other"
    workdir.write_json(tmp_path / "splits.json", splits)
    with pytest.raises(ValueError, match="records other training images"):
        loop.train(classifier_run(steps=1), tmp_path, None)


def test_a_file_is_no_work_directory(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(ValueError, match="is a file; --workdir must name a folder"):
        loop.train(score_run(), path, None)


def test_running_averages_are_trained_averaged_and_loaded(tmp_path):
    net = ClassifierNet(name="ResNet", depth=8, width=8, dtype="bfloat16")
    config = changed(classifier_run(steps=2), "optim", ema=0.5)
    config = dataclasses.replace(config, net=net)
    loop.train(config, tmp_path, None)
    averages = saved(tmp_path, "ema")
    means = [a for name, a in averages.items() if name.endswith("['mean']")]
    assert means and all(np.abs(mean).max() > 0 for mean in means)
    assert all(array.dtype == np.float32 for array in averages.values())
    network = weights.load(tmp_path)
    assert network.module.dtype == jnp.bfloat16
    assert network(jnp.zeros((8, 8, 1))).dtype == jnp.float32


def test_validation_counts_every_image_once():
    config = classifier_run(batch=48)
    run = set_up(config, None, None)
    variables = first_state(run).variables
    validation = Validation(config, run.module, run.mesh)
    found = validation(run.k_validate, variables, run.held)
    x = data.augment.to_float(run.held.images)
    logits = np.asarray(run.module.apply(variables, x))
    expected = np.mean(np.argmax(logits, 1) == run.held.labels)
    assert found["accuracy"] == pytest.approx(expected, abs=1e-6)
    some = validation(run.k_validate, variables, run.held, 50)["accuracy"]
    expected = np.mean(np.argmax(logits[:50], 1) == run.held.labels[:50])
    assert some == pytest.approx(expected, abs=1e-6)
