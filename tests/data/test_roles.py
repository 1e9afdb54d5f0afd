"""Which folders and files are splits, which are classes, and what is no image."""

import numpy as np
import pytest
from image_files import GREY, classes, encoded, save

from purifax import data
from purifax.data import listing, roles

NAMES = [("train", "test"), ("Training", "Valid"), ("TRAIN", "val"), ("train", "Test")]


@pytest.mark.parametrize("train, test", NAMES)
def test_names_of_splits_in_any_case(tmp_path, train, test):
    classes(tmp_path / "files", f"{train}/a", f"{train}/b", f"{test}/b")
    for split, count in (("train", 12), ("test", 6)):
        found = data.load("folder", split, tmp_path / "files")
        assert len(found) == count and found.names == ("a", "b")
    images = np.zeros((12, 8, 8), np.uint8)
    labels = np.arange(12) % 3
    for name, count in ((train, 12), (test, 6)):
        np.savez(tmp_path / f"{name}.npz", x=images[:count], y=labels[:count])
    for split, count in (("train", 12), ("test", 6)):
        assert len(data.load("npz", split, tmp_path)) == count
    arrays = {f"x_{train}": images, f"{test}_images": images[:6]}
    np.savez(tmp_path / "one.npz", **arrays, **{f"Y_{train}": labels})
    for split, count in (("train", 12), ("test", 6)):
        found = data.load("npz", split, tmp_path / "one.npz")
        assert len(found) == count and found.names == ("0", "1", "2")


def test_validation_stands_in_for_a_missing_test_only(tmp_path):
    classes(tmp_path, "train/a", "val/a", "test/a", count=2)
    save(tmp_path, "test/a/more.png")
    assert len(data.load("folder", "test", tmp_path)) == 3
    assert data.open_stream(str(tmp_path), "valid").count == 2
    assert roles.chosen("validation", {"test": 0}) is None


def test_a_folder_called_all_is_divided(tmp_path):
    classes(tmp_path, "All/train", "All/test", count=10)
    train = data.load("folder", "train", tmp_path)
    assert train.names == ("test", "train") and len(train) == 16
    images = np.zeros((10, 8, 8), np.uint8)
    np.savez(tmp_path / "all.npz", images=images, labels=np.arange(10) % 2)
    assert len(data.load("npz", "test", tmp_path)) == 2


def test_images_at_any_depth_belong_to_their_class(tmp_path):
    classes(tmp_path, "a", "a/deep/er", "b/images", count=3)
    found = data.load("folder", "all", tmp_path)
    assert np.bincount(found.labels).tolist() == [6, 3]


def test_what_systems_leave_behind_is_no_class_and_no_image(tmp_path):
    classes(tmp_path, "a", "b", "__MACOSX/a", ".cache/a", "a/@eaDir")
    save(tmp_path, "a/._0.png", "b/.DS_Store", "a/notes.txt", content=b"")
    found = data.load("folder", "all", tmp_path)
    assert found.names == ("a", "b") and len(found) == 12
    for words in ("3 hidden", "1 @eaDir", "1 __MACOSX", "1 .txt"):
        assert words in found.source
    assert "12 images of 8 x 8 x 1 in 2 classes (a 6, b 6) from" in found.summary()


def test_a_listing_follows_links_and_keeps_names_that_are_no_text(tmp_path):
    save(tmp_path / "elsewhere", b"a\xff.png")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "elsewhere")
    files = listing.below(tmp_path / "in").files
    assert [bytes(path)[-6:] for path in files] == [b"a\xff.png"]


def test_the_classes_of_a_part_are_those_of_the_whole(tmp_path):
    images = np.zeros((10, 8, 8), np.uint8)
    np.savez(tmp_path / "train.npz", x=images, y=np.arange(10))
    np.savez(tmp_path / "test.npz", x=images[:2], y=np.array([1, 2]))
    assert len(data.load("npz", "test", tmp_path).names) == 10


def test_files_of_another_size_do_not_decide_for_the_others(tmp_path):
    save(tmp_path, "a.png", content=encoded(GREY[:4]))
    save(tmp_path, "b.png", "c.png")
    assert data.open_stream(str(tmp_path)).shape == (4, 8, 1)
    assert data.open_stream(str(tmp_path), size=(8, 8)).shape == (8, 8, 1)
    assert data.open_stream(str(tmp_path), size=(9, 9)).shape == (4, 8, 1)
