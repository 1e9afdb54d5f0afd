"""The purification command: files, folders and archives in, purified images out."""

import dataclasses
import os
import subprocess
import sys
import types

import commands
import jax
import numpy as np
import pytest
from PIL import Image
from small import evaluation, score_training

from experiments.training import loop
from purifax import data, fleet, purify_images
from purifax.command import flags as flagslib
from purifax.command import purify
from purifax.pipelines import dataset, photo_job
from purifax.pipelines import files as cleaning
from purifax.run.stop import Stopped


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    root = tmp_path_factory.mktemp("purify")
    loop.train(score_training(20), root / "score", None)
    return evaluation(root)


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), np.uint8)


def save(folder, images):
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(images):
        Image.fromarray(image[..., 0]).save(folder / f"{i}.png")
    return folder


def test_a_folder_keeps_its_names_and_gets_a_picture(config, pictures, tmp_path):
    source = save(tmp_path / "in" / "deep", pictures).parent
    assert cleaning.clean(config, source, tmp_path / "out", None, 0) == 5
    for i in range(5):
        with Image.open(tmp_path / "out" / "deep" / f"{i}.png") as image:
            assert image.size == (8, 8) and image.mode == "L"
            assert (np.asarray(image) != pictures[i, ..., 0]).any()
    with Image.open(tmp_path / "out" / "purified.png") as page:
        assert page.size[0] > page.size[1]


def test_one_file_alone_is_the_first_of_its_folder(config, pictures, tmp_path):
    source = save(tmp_path / "in", pictures)
    cleaning.clean(config, source, tmp_path / "all", None, 0)
    cleaning.clean(config, source / "0.png", tmp_path / "one", None, 0)
    first = [np.asarray(Image.open(tmp_path / d / "0.png")) for d in ("all", "one")]
    np.testing.assert_array_equal(*first)


def test_an_archive_keeps_its_other_arrays(config, pictures, tmp_path):
    labels = np.arange(5)
    np.savez(tmp_path / "in.npz", images=pictures[..., 0], labels=labels)
    cleaning.clean(config, tmp_path / "in.npz", tmp_path / "out", None, 0)
    with np.load(tmp_path / "out" / "in.npz") as written:
        assert written["images"].shape == (5, 8, 8)
        assert written["images"].dtype == np.uint8
        np.testing.assert_array_equal(written["labels"], labels)


def test_the_seed_decides_the_noise(config, pictures, tmp_path):
    source = save(tmp_path / "in", pictures)
    found = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        cleaning.clean(config, source, tmp_path / name, None, seed)
        found.append(np.asarray(Image.open(tmp_path / name / "3.png")))
    np.testing.assert_array_equal(found[0], found[1])
    assert (found[0] != found[2]).any()


def test_what_exists_is_not_overwritten(config, pictures, tmp_path):
    source = save(tmp_path / "in", pictures)
    cleaning.clean(config, source, tmp_path / "out", None, 0)
    before = (tmp_path / "out" / "0.png").read_bytes()
    with pytest.raises(ValueError, match="0.png exists already; give another --out"):
        cleaning.clean(config, source, tmp_path / "out", None, 1)
    assert (tmp_path / "out" / "0.png").read_bytes() == before


def broken(folder, what):
    folder.mkdir()
    if what == "unreadable":
        (folder / "a.png").write_bytes(b"not a picture")
    elif what == "size":
        Image.new("RGB", (8, 8)).save(folder / "a.png")
    elif what == "twice":
        Image.new("L", (8, 8)).save(folder / "a.png")
        Image.new("L", (8, 8)).save(folder / "a.bmp")
    return folder


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("empty", "holds no image; known endings"),
        ("unreadable", "a.png cannot be read as an image"),
        ("size", "images of 8 x 8 x 3; the score network .* takes 8 x 8 x 1"),
        ("twice", "two images would both be written as a.png"),
    ],
)
def test_bad_folders_are_refused(config, tmp_path, what, words):
    how = photo_job.How(form="png")
    with pytest.raises(ValueError, match=words):
        folder = broken(tmp_path / "in", what)
        cleaning.clean(config, folder, tmp_path / "o", None, 0, how=how)
    assert not (tmp_path / "o").exists()


def test_refused_files_are_left_out_and_the_others_are_as_ever(
    config, pictures, tmp_path, capsys
):
    source = save(tmp_path / "in", pictures)
    cleaning.clean(config, source, tmp_path / "all", None, 0)
    (source / "1.png").write_bytes(b"nothing")
    Image.new("L", (9, 8)).save(source / "2.png")
    (source / "3.png").unlink()
    (source / "3.png").symlink_to("nowhere")
    (source / ".hidden.png").write_bytes((source / "0.png").read_bytes())
    os.mkfifo(source / "5.png")
    exact = photo_job.How(fit="exact")
    assert cleaning.clean(config, source, tmp_path / "out", None, 0, how=exact) == 2
    told = capsys.readouterr().err
    for words in ("1.png cannot", "2.png is 8 x 9", "dangling", "no regular", "1 hid"):
        assert words in told
    for name in ("0.png", "4.png"):
        one, same = ((tmp_path / d / name).read_bytes() for d in ("all", "out"))
        assert one == same
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"0.png", "4.png", "purified.png", ".purify.json"}


def test_an_image_called_as_the_picture_keeps_its_name(config, pictures, tmp_path):
    source = save(tmp_path / "in", pictures[:1])
    (source / "0.png").rename(source / "purified.png")
    cleaning.clean(config, source, tmp_path / "out", None, 0)
    with Image.open(tmp_path / "out" / "purified.png") as image:
        assert image.size == (8, 8)
    assert (tmp_path / "out" / "purified2.png").exists()


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"pixels": np.zeros((2, 8, 8), np.uint8)}, "has pixels; one of images, image"),
        ({"images": np.zeros((2, 8, 8, 1))}, "images in .* is float64"),
        ({"images": np.zeros((0, 8, 8, 1), np.uint8)}, "N > 0 is needed"),
    ],
)
def test_bad_archives_are_refused(config, tmp_path, arrays, words):
    np.savez(tmp_path / "in.npz", **arrays)
    with pytest.raises(ValueError, match=words):
        cleaning.clean(config, tmp_path / "in.npz", tmp_path / "out", None, 0)


@pytest.fixture
def archive(pictures, tmp_path):
    path = tmp_path / "My set.npz"
    arrays = {"labels": np.arange(5) % 3, "names": list("abc")}
    np.savez(path, images=pictures, **arrays)
    return path


def place(source, out, **changes):
    return dataset.Place(str(source), str(out), shard_size=2, **changes)


def test_a_data_set_has_the_same_bits_as_the_files(config, archive, tmp_path):
    cleaning.clean(config, archive, tmp_path / "files", None, 7)
    where = place(archive, tmp_path / "set", seed=7)
    assert dataset.purify(config, where, npz=True) == 0
    with np.load(tmp_path / "files" / archive.name) as files:
        right = files["images"]
    found = data.load("tfds", "train", tmp_path / "set" / "my_set_purified")
    np.testing.assert_array_equal(found.images, right)
    np.testing.assert_array_equal(found.labels, np.arange(5) % 3)
    assert found.names == ("a", "b", "c")
    whole = data.load("npz", "all", tmp_path / "set" / "my_set_purified.npz")
    np.testing.assert_array_equal(whole.images, right)
    assert whole.names == found.names and list(whole.index) == [0, 1, 2, 3, 4]


def test_the_job_s_batch_is_used_whatever_the_chunk(config, archive, tmp_path, capsys):
    """By a worker that goes on, by verification, and by one more that does nothing."""
    where = place(archive, tmp_path / "set")
    whole = place(archive, tmp_path / "whole")
    first = dataclasses.replace(config, chunk=2)
    assert dataset.purify(first, whole, npz=False) == 0
    assert dataset.purify(first, where, npz=False) == 0
    batch = fleet.load(where.out).batch
    shards = sorted((tmp_path / "set/my_set_purified/1.0.0").glob("*array_record*"))
    shards[1].unlink()
    other = dataclasses.replace(config, chunk=11)  # more than there are devices
    capsys.readouterr()
    assert dataset.purify(other, where, npz=False) == 0
    told = capsys.readouterr().err
    assert f"the job's batch is used: {batch} images on a device, and not 11" in told
    assert "00001-of-00003: it is missing; it is made again" in told
    assert dataset.check(other, where, 5) == 0 and fleet.load(where.out).batch == batch
    found, right = (
        data.load("tfds", "train", f"{out}/my_set_purified").images
        for out in (where.out, whole.out)
    )
    np.testing.assert_array_equal(found, right)


def test_a_second_worker_helps_and_another_job_is_refused(config, archive, tmp_path):
    where = place(archive, tmp_path / "set", worker=(1, 2))
    assert dataset.purify(config, where, npz=False) == 0
    assert dataset.purify(config, place(archive, tmp_path / "set"), False) == 0
    other = place(archive, tmp_path / "set", seed=1)
    with pytest.raises(fleet.Mismatch, match="seed is 0 there and 1 here"):
        dataset.purify(config, other, npz=False)


def test_a_stopped_worker_goes_on(config, archive, tmp_path, monkeypatch, capsys):
    where, calls = place(archive, tmp_path / "set"), []

    def check(stop):
        calls.append(stop)
        if len(calls) == 3:
            raise Stopped

    with monkeypatch.context() as once:
        once.setattr(dataset.Stop, "check", check)
        assert dataset.purify(config, where, npz=False) == 143
    job = fleet.load(where.out)
    assert len(job.done()) == 1 and not list(job.leases.iterdir())
    assert dataset.purify(config, where, npz=False) == 0
    told = capsys.readouterr().err
    assert "the same command goes on" in told and "purified 4 image(s)" in told


def test_a_data_set_is_looked_at_and_verified(config, archive, tmp_path, capsys):
    where = place(archive, tmp_path / "set")
    with pytest.raises(FileNotFoundError, match="holds no job"):
        dataset.check(config, where, 5)
    dataset.purify(config, where, npz=False)
    assert dataset.check(config, where, 4) == 0
    assert "4 of 4 images, purified again, are the same" in capsys.readouterr().out
    assert dataset.show(where.out) == 0
    assert "3 of 3 shards done (5 of 5 images)" in capsys.readouterr().out
    shards = sorted((tmp_path / "set/my_set_purified/1.0.0").glob("*array_record*"))
    shards[0].write_bytes(shards[1].read_bytes())
    assert dataset.check(config, where, 5) == 1
    told = capsys.readouterr().out
    assert "00000-of-00003: no record has its checksum" in told
    assert "3 of 3 images" in told or "4 of 4 images" in told
    assert dataset.show(where.out) == 1
    assert "damaged: my_set_purified-train" in capsys.readouterr().out
    assert dataset.purify(config, where, npz=False) == 0
    assert "00000-of-00003: no record has its checksum" in capsys.readouterr().err
    assert dataset.check(config, where, 5) == 0


def test_an_unreadable_image_fails_the_command_alone(
    config, pictures, tmp_path, capsys
):
    source = save(tmp_path / "in", pictures)
    (source / "2.png").write_bytes(b"nothing")
    where = place(source, tmp_path / "set")
    assert dataset.purify(config, where, npz=False) == 1
    told = capsys.readouterr().err
    assert "4 of 5 image(s) purified" in told and "2.png cannot be read" in told
    found = data.open_stream(str(tmp_path / "set" / "in_purified"))
    files = [row.extras["file"].decode() for row in found.read(range(4))]
    assert files == ["0.png", "1.png", "3.png", "4.png"]


def test_a_data_set_of_another_size_is_refused(config, tmp_path):
    np.savez(tmp_path / "in.npz", images=np.zeros((2, 9, 8, 1), np.uint8))
    where = place(tmp_path / "in.npz", tmp_path / "set")
    with pytest.raises(ValueError, match="9 x 8 x 1; the score network"):
        dataset.purify(config, where, npz=False)
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("given", "data_set"),
    [
        ({"source": "digits"}, True),
        ({"source": "cifar10_c:fog:3"}, True),
        ({"source": "gs://bucket/set"}, True),
        ({"source": "{}/prepared"}, True),
        ({"source": "{}"}, False),
        ({"source": "{}", "to": "dataset"}, True),
        ({"source": "{}", "worker": "0/2"}, True),
        ({"source": "digits", "to": "files"}, False),
        ({"source": "cat.png"}, False),
        ({"source": "there/cat"}, False),
    ],
)
def test_what_becomes_a_data_set(tmp_path, given, data_set):
    (tmp_path / "prepared" / "1.0.0").mkdir(parents=True)
    (tmp_path / "prepared" / "1.0.0" / "dataset_info.json").write_text("{}")
    flags = {"to": None, "worker": None, "npz": False, "verify": False} | given
    flags = {"folder": False} | flags
    flags["source"] = flags["source"].format(tmp_path)
    assert purify._is_data_set(types.SimpleNamespace(**flags)) == data_set


@pytest.mark.parametrize("text", ["3", "a/b", "-1/2", "2/2", "/2"])
def test_a_worker_is_one_of_some(text):
    with pytest.raises(flagslib.UsageError, match="--worker="):
        purify.workers.parsed(text)


def test_files_by_shipped_weights_are_what_one_line_of_python_gives(
    pictures, tmp_path, capsys
):
    source, out = save(tmp_path / "in", pictures), tmp_path / "out"
    line = f"purify --weights=digits_dsm --source={source} --out={out} --seed=4"
    assert commands.run(capsys, line)[0] == 0
    files = np.stack([np.asarray(Image.open(out / f"{i}.png")) for i in range(5)])
    array = purify_images(pictures, "digits_dsm", key=jax.random.key(4))[..., 0]
    assert np.abs(files.astype(int) - array).max() <= 1
    assert np.abs(files.astype(int) - pictures[..., 0]).mean() > 5


def test_the_command_answers_bad_input_with_one_line(tmp_path):
    command = [sys.executable, "-m", "experiments.purify", "--config=digits_adp"]
    out, half = f"--out={tmp_path}/out", {"PURIFAX_PROCESS_ID": "1"}
    for flags, known, code, words in (
        ([], {}, 2, "--source is needed"),
        ([f"--source={tmp_path}/no", out], {}, 1, "no file or folder"),
        (["--source=digits", out], half, 1, "PURIFAX_NUM_PROCESSES"),
    ):
        done = subprocess.run(
            [*command, *flags], capture_output=True, text=True, env=os.environ | known
        )
        assert done.returncode == code
        assert done.stderr.count("\n") == 1 and words in done.stderr


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="a place nobody writes to")
def test_a_place_that_cannot_be_written_is_one_line(capsys):
    line = "purify --weights=digits_dsm --source=digits --split=test --out=/proc/washed"
    code, _, err = commands.run(capsys, line)
    assert code == 1 and "/proc/washed" in err and err.count("\n") == 1


def test_home_is_where_it_is_for_all_of_a_job(config, archive, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert dataset.purify(config, place(archive, "~/set"), npz=False) == 0
    assert dataset.show("~/set") == 0
