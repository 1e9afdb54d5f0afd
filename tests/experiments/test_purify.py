"""The purification command: files, folders and archives in, purified images out."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from small import evaluation, score_training

from experiments.lib import cleaning, training


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    root = tmp_path_factory.mktemp("purify")
    training.train(score_training(20), root / "score", None)
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
    elif what == "mixed":
        Image.new("L", (8, 8)).save(folder / "a.png")
        Image.new("L", (9, 8)).save(folder / "b.png")
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
        ("mixed", "b.png is 8 x 9 x 1 but .*a.png is 8 x 8 x 1"),
        ("size", "images of 8 x 8 x 3; the score network .* takes 8 x 8 x 1"),
        ("twice", "two images would both be written as a.png"),
    ],
)
def test_bad_folders_are_refused(config, tmp_path, what, words):
    with pytest.raises(ValueError, match=words):
        cleaning.clean(config, broken(tmp_path / "in", what), tmp_path / "o", None, 0)
    assert not (tmp_path / "o").exists()


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


def test_the_command_answers_bad_input_with_one_line(tmp_path):
    command = [sys.executable, "-m", "experiments.purify", "--config=digits_adp"]
    for flags, code, words in (
        ([], 2, "--source is needed"),
        ([f"--source={tmp_path}/no", f"--out={tmp_path}/out"], 1, "no file or folder"),
    ):
        done = subprocess.run([*command, *flags], capture_output=True, text=True)
        assert done.returncode == code
        assert done.stderr.count("\n") == 1 and words in done.stderr
