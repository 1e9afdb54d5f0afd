"""A folder of image files as an image set."""

import numpy as np
import pytest
from data import writers
from PIL import Image

from purifax import data
from purifax.data import folder, folder_layout, roles


def files_of(place, images, labels, classes, end=".png"):
    for n, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = place / classes[label] if classes else place
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{n:03d}{end}").write_bytes(writers.png(image))


def rows(images):
    return sorted(image.tobytes() for image in images)


def test_classes_come_from_the_folders(tmp_path):
    images, labels = writers.pictures(12, (6, 5, 3), 3)
    files_of(tmp_path, images, labels, ("cat", "ant", "bee"))
    (tmp_path / "ant" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    found = data.load("folder", "all", tmp_path)
    assert found.names == ("ant", "bee", "cat")
    assert found.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    renamed = np.array([2, 0, 1])[labels]
    order = np.argsort(renamed, kind="stable")
    np.testing.assert_array_equal(found.images, images[order])
    assert found.index.tolist() == list(range(12))


def test_class_sorted_files_give_stratified_parts(tmp_path):
    images, labels = writers.pictures(40, (4, 4, 3), 2)
    files_of(tmp_path, images, np.sort(labels), ("a", "b"))
    train, test = (data.load("folder", split, tmp_path) for split in ("train", "test"))
    assert np.bincount(train.labels).tolist() == [16, 16]
    assert np.bincount(test.labels).tolist() == [4, 4]
    assert not set(train.index) & set(test.index)
    everything = np.concatenate([train.images, test.images])
    assert rows(everything) == rows(images)
    parts = data.splits(train.labels, 0.25)
    assert np.bincount(train.labels[parts["validation"]]).tolist() == [4, 4]


@pytest.mark.parametrize("held", ["test", "val"])
def test_own_splits_are_kept(tmp_path, held):
    images, labels = writers.pictures(12, (6, 5, 3), 3)
    files_of(tmp_path / "train", images[:9], labels[:9], "abc")
    files_of(tmp_path / held, images[9:], [2, 2, 2], "abc")
    train, test = (data.load("folder", split, tmp_path) for split in ("train", "test"))
    assert len(train) == 9 and test.labels.tolist() == [2, 2, 2]
    assert train.names == test.names == ("a", "b", "c")
    with pytest.raises(data.DataError, match="nothing for the split 'all'"):
        data.load("folder", "all", tmp_path)


def test_a_class_may_be_called_train(tmp_path):
    images, labels = writers.pictures(6, (4, 4, 3), 2)
    files_of(tmp_path, images, labels, ("plane", "train"))
    assert data.load("folder", "all", tmp_path).names == ("plane", "train")


def test_missing_split_is_named(tmp_path):
    images, labels = writers.pictures(4, (4, 4, 3), 2)
    files_of(tmp_path / "train", images, labels, "ab")
    with pytest.raises(data.DataError, match="has train but nothing .* 'test'"):
        data.load("folder", "test", tmp_path)


def test_flat_files_are_unlabelled(tmp_path):
    images, labels = writers.pictures(4, (4, 4, 3), 2)
    files_of(tmp_path, images, labels, None)
    found = data.load("folder", "all", tmp_path)
    np.testing.assert_array_equal(found.images, images)
    assert found.names == ("unlabelled",) and not found.labels.any()


def test_grey_only_if_all_are(tmp_path):
    images, labels = writers.pictures(4, (4, 4, 1), 2)
    files_of(tmp_path, images, labels, None)
    np.testing.assert_array_equal(data.load("folder", "all", tmp_path).images, images)
    colour, _ = writers.pictures(1, (4, 4, 3), 1)
    (tmp_path / "zz.png").write_bytes(writers.png(colour[0]))
    found = data.load("folder", "all", tmp_path).images
    np.testing.assert_array_equal(found[:4], images.repeat(3, -1))
    np.testing.assert_array_equal(found[4], colour[0])


def test_modes_of_files(tmp_path):
    colour = writers.pictures(1, (4, 4, 3), 1)[0][0]
    picture = Image.fromarray(colour)
    picture.putalpha(7)
    picture.save(tmp_path / "alpha.png")
    Image.fromarray(colour[..., 0] // 4).convert("P").save(tmp_path / "palette.png")
    found = data.load("folder", "all", tmp_path).images
    np.testing.assert_array_equal(found[0], colour)
    np.testing.assert_array_equal(found[1], np.dstack([colour[..., 0] // 4] * 3))


def test_sixteen_bits_are_refused(tmp_path):
    Image.fromarray(np.full((4, 4), 40_000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(data.DataError, match=r"deep.png has pixels of mode I;16"):
        data.load("folder", "all", tmp_path)


def test_unreadable_file_is_named(tmp_path):
    images, labels = writers.pictures(4, (4, 4, 3), 2)
    files_of(tmp_path, images, labels, "ab")
    (tmp_path / "b" / "bad.png").write_bytes(b"text")
    with pytest.raises(data.DataError, match=r"b/bad.png cannot be read"):
        data.load("folder", "all", tmp_path)
    (tmp_path / "b" / "bad.png").write_bytes(writers.png(images[0])[:60])
    with pytest.raises(data.DataError, match=r"b/bad.png cannot be read"):
        data.load("folder", "all", tmp_path)


def test_other_size_is_named(tmp_path):
    images, labels = writers.pictures(4, (4, 4, 3), 2)
    files_of(tmp_path, images, labels, "ab")
    wide = writers.pictures(1, (4, 9, 3), 1)[0][0]
    (tmp_path / "b" / "wide.png").write_bytes(writers.png(wide))
    message = r"wide.png is 9 x 4 pixels but .*a/0\d\d.png is 4 x 4; resize"
    with pytest.raises(data.DataError, match=message):
        data.load("folder", "all", tmp_path)


def test_loose_files_beside_classes_are_not_read_and_are_listed(tmp_path):
    images, labels = writers.pictures(4, (4, 4, 3), 2)
    files_of(tmp_path, images, labels, "ab")
    files_of(tmp_path, images[:1], [0], None)
    (tmp_path / "notes.txt").write_text("no image")
    found = data.load("folder", "all", tmp_path)
    assert len(found) == 4 and "not read: 1 images, 000.png" in found.source
    counted = folder.inventory(tmp_path)
    assert counted.counts == {"all": {"a": 2, "b": 2}}
    assert counted.unread == ((str(tmp_path / "000.png"), folder_layout.BESIDE),)
    assert counted.skipped == {".txt": 1} and "000.png" in counted.words()


LAYOUTS = [
    ("train", "val"),
    ("train", "valid"),
    ("train", "valid", "test"),
    ("train", "test"),
    ("Training", "Validation", "Testing"),
    ("",),
]


@pytest.mark.parametrize("splits", LAYOUTS)
def test_every_image_of_every_layout_is_counted(tmp_path, splits):
    """Files at any depth, beside folders and beside splits: none is lost silently."""
    for n, split in enumerate(splits):
        images, labels = writers.pictures(6 + n, (4, 4, 3), 2)
        files_of(tmp_path / split, images, labels, ("a", "b/deep"))
        files_of(tmp_path / split, images[:1], [0], None)
    if splits != ("",):
        files_of(tmp_path, images[:1], [0], None)
    counted = folder.inventory(tmp_path)
    read = sum(n for classes in counted.counts.values() for n in classes.values())
    on_disk = {str(path) for path in tmp_path.rglob("*.png")}
    assert read + len(counted.unread) == len(on_disk)
    assert {name for name, _ in counted.unread} == {
        n for n in on_disk if "/a/" not in n and "/b/" not in n
    }
    names = {roles.role(split) or "all" for split in splits}
    assert set(counted.counts) == names
    total = sum(len(folder.listed(tmp_path, split).files) for split in names)
    assert total == read
    if "validation" in names:
        assert len(data.load("folder", "validation", tmp_path)) == 7
    else:
        with pytest.raises(data.DataError, match="validation"):
            data.load("folder", "validation", tmp_path)


def test_a_split_is_sorted_by_its_annotations(tmp_path):
    """Tiny-ImageNet as published, and its test images, whose labels are secret."""
    images, labels = writers.pictures(6, (4, 4, 3), 2)
    files_of(tmp_path / "train", images, labels, ("n1/images", "n2/images"))
    files_of(tmp_path / "val", images[:4], [0] * 4, ("images",), ".JPEG")
    files_of(tmp_path / "test", images[:2], [0] * 2, ("images",), ".JPEG")
    rows = [f"{n:03d}.JPEG\tn{2 - n % 2}\t0\t0\t9\t9\n" for n in range(3)]
    (tmp_path / "val/val_annotations.txt").write_text("".join(rows))
    found = data.load("folder", "test", tmp_path)  # validation stands in
    assert found.names == ("n1", "n2") and found.labels.tolist() == [0, 1, 1]
    counted = folder.inventory(tmp_path)
    whys = [why for _, why in counted.unread]
    assert len(whys) == 3 and whys.count(folder_layout.NO_CLASS) == 2
    assert len(data.load("folder", "train", tmp_path)) == 6


def test_nothing_there(tmp_path):
    with pytest.raises(data.DataError, match="holds no images"):
        data.load("folder", "all", tmp_path)
    with pytest.raises(data.DataError, match="is not a folder"):
        data.load("folder", "all", tmp_path / "absent")
    with pytest.raises(data.DataError, match="needs a data directory"):
        data.load("folder", "all")
    with pytest.raises(data.DataError, match="must be one of"):
        data.load("folder", "dev", tmp_path)
