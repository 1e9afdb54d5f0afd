"""Checkpoints that were damaged since: never read, named, and gone on before."""

import random
import shutil

import jax
import numpy as np
import pytest
from training_runs import changed, classifier_run, rows, saved, steps

from experiments.training import damaged, loop, optimisers
from experiments.training import state as states
from experiments.training.config import Optim
from purifax import weights
from purifax.run import workdir
from purifax.weights import digests


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished training with the checkpoints 10 and 12."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    loop.train(classifier_run(), folder, None)
    return folder


@pytest.fixture
def copy(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "run")


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def flip(path, rng):
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(bytes(content))


def assert_same_run(one, two):
    for item in ("state", "ema"):
        a, b = saved(one, item), saved(two, item)
        assert a.keys() == b.keys()
        assert [name for name in a if a[name].tobytes() != b[name].tobytes()] == []
    assert rows(one) == rows(two)
    a, b = (workdir.read_json(folder / "summary.json") for folder in (one, two))
    assert a["weights_sha256"] == b["weights_sha256"] and a["test"] == b["test"]


@pytest.mark.parametrize("seed", range(3))
def test_a_flipped_bit_is_found_wherever_it_is(copy, seed):
    rng, checkpoint = random.Random(seed), copy / "checkpoints" / "12"
    for path in files(checkpoint):
        before = path.read_bytes()
        flip(path, rng)
        assert digests.damage(checkpoint, ("state", "ema", "clock")), path
        path.write_bytes(before)
    assert not digests.damage(checkpoint, ("state", "ema", "clock"))


def test_all_files_have_digests_and_the_items_from_the_beginning(tmp_path, monkeypatch):
    named = []

    def seal(place, **how):
        plain(place, **how)
        stored = workdir.read_json(place / digests.NAME)["files"]
        named.append((place.name, how, set(stored)))

    plain = digests.seal
    monkeypatch.setattr(states.digests, "seal", seal)
    loop.train(classifier_run(steps=2), tmp_path / "run", None)
    (early, how, items), (late, _, everything) = named
    assert early.startswith("2.") and how == {"of_items": True} and late == "2"
    there = files(tmp_path / "run" / "checkpoints" / "2")
    there = {p.relative_to(tmp_path / "run" / "checkpoints" / "2") for p in there}
    assert {str(p) for p in there} == everything | {digests.NAME}
    assert items == {name for name in everything if "/" in name}


def test_training_goes_on_from_the_newest_whole_checkpoint(whole, copy, capsys):
    rng = random.Random(0)
    kept = shutil.copytree(whole, copy.parent / "older")
    shutil.rmtree(kept / "checkpoints" / "12")
    flip(max(files(copy / "checkpoints" / "12" / "state")), rng)
    for folder in (kept, copy):
        (folder / "summary.json").unlink()
        loop.train(classifier_run(), folder, None)
    said = [line for line in capsys.readouterr().err.splitlines() if "damaged" in line]
    assert len(said) == 1 and "12: state/" in said[0]
    assert said[0].endswith("Training goes on from 10, the newest whole one.")
    assert steps(copy) == [10, 12]
    assert (copy / "checkpoints" / "12.damaged").is_dir()
    assert_same_run(copy, kept)
    assert_same_run(copy, whole)


@pytest.mark.parametrize("content", [b"", b"1"])
def test_a_file_cut_short_does_not_hide_the_older_one(whole, copy, content):
    for path in files(copy / "checkpoints" / "12" / "state"):
        path.write_bytes(content)
    loop.train(classifier_run(), copy, None)
    assert_same_run(copy, whole)


def test_an_empty_folder_of_a_step_is_no_checkpoint(whole, copy, capsys):
    (copy / "checkpoints" / "40").mkdir()
    before = jax.tree.leaves(weights.load(whole).variables)
    after = jax.tree.leaves(weights.load(copy).variables)
    assert all((a == b).all() for a, b in zip(before, after, strict=True))
    loop.train(classifier_run(), copy, None)
    said = capsys.readouterr().err
    assert "40: it is empty" in said and "on from 12" in said
    assert_same_run(copy, whole)


def test_a_folder_with_an_empty_step_alone_begins(tmp_path, whole):
    (tmp_path / "checkpoints" / "5").mkdir(parents=True)
    loop.train(classifier_run(), tmp_path, None)
    assert_same_run(tmp_path, whole)


def test_checkpoints_from_before_there_were_digests_are_read(whole, copy, capsys):
    for path in copy.rglob(digests.NAME):
        path.unlink()
    before, after = (saved(folder, "ema") for folder in (whole, copy))
    assert all(before[name].tobytes() == after[name].tobytes() for name in before)
    loop.train(classifier_run(), copy, None)
    assert "complete after 12 steps" in capsys.readouterr().err
    for path in files(copy / "checkpoints" / "12" / "ema"):
        path.write_bytes(b"")
    loop.train(classifier_run(), copy, None)
    assert "cannot be read" in capsys.readouterr().err
    assert_same_run(copy, whole)


def test_nothing_is_renamed_where_nothing_is_whole(copy):
    for checkpoint in (copy / "checkpoints").glob("*"):
        (checkpoint / "clock" / "metadata").write_text("{}")
    with pytest.raises(ValueError, match=r"is whole \(12: clock/metadata .*; 10: "):
        damaged.set_aside(copy / "checkpoints")
    assert steps(copy) == [10, 12]


def test_a_second_damaged_one_gets_a_name_of_its_own(copy):
    for name in ("12.damaged", "12.damaged1", "12.damaged2"):
        (copy / "checkpoints" / "12").mkdir(exist_ok=True)
        shutil.rmtree(copy / "checkpoints" / "12" / "ema", ignore_errors=True)
        damaged.set_aside(copy / "checkpoints")
        assert (copy / "checkpoints" / name).is_dir()


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    def full(place, **how):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(states.digests, "seal", full)
    with pytest.raises(
        OSError, match="the checkpoint was not written: no space"
    ) as said:
        loop.train(classifier_run(), tmp_path / "run", None)
    assert said.value.errno == 28 and "5" in str(said.value.filename)
    monkeypatch.undo()
    loop.train(classifier_run(), tmp_path / "run", None)
    assert steps(tmp_path / "run") == [10, 12]


def test_the_average_warms_up_only_where_it_could_not_forget():
    long, short = (optimisers.decay(Optim(ema=0.999), steps) for steps in (5000, 300))
    assert long(np.float32(3)) == 0.999
    assert float(short(np.float32(8))) == pytest.approx(0.5)
    assert float(short(np.float32(1e6))) == pytest.approx(0.999)
    assert not optimisers.warms(Optim(ema=0.0), 1)


@pytest.mark.parametrize(
    ("before", "after", "same"), [(3, 6, True), (2000, 9000, False), (9000, 9001, True)]
)
def test_a_run_grows_only_under_the_same_average(tmp_path, before, after, same):
    config = changed(classifier_run(), "optim", ema=0.999)
    workdir.claim(tmp_path, changed(config, "train", steps=before))
    longer = changed(config, "train", steps=after)
    assert loop._is_steady(longer, tmp_path / "config.json") is same
