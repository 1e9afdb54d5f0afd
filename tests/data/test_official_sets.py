"""SVHN, CINIC-10, GTSRB, ImageNet and MedMNIST, from small copies of their layouts."""

import io
import re
import tarfile
import zipfile

import numpy as np
import pytest
from image_files import encoded
from scipy import io as scientific

from purifax import data
from purifax.data import official_files
from purifax.data.catalogue import CIFAR10_CLASSES, SETS

WNIDS = ("n01440764", "n01443537", "n01484850")


def drawn(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).integers(0, 256, shape, np.uint8)


def tar_of(path, files, mode="w"):
    with tarfile.open(path, mode) as packed:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return path


def zip_of(path, files):
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)


def folder_of(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def load(name, split, root):
    """In memory, after a look at the stream, which must be the same."""
    found = data.load(name, split, root, download=False)
    stream = data.open_stream(name, split, root)
    rows = list(stream.read(range(stream.count)))
    np.testing.assert_array_equal([row.image for row in rows], found.images)
    assert [row.label for row in rows] == found.labels.tolist()
    assert [row.id for row in rows] == found.index.tolist()
    assert stream.names == found.names and stream.shape == found.images.shape[1:]
    return found


@pytest.mark.parametrize("inside", [".", "svhn"])
def test_svhn(tmp_path, inside):
    images, labels = drawn(4, 32, 32, 3), np.array([1, 10, 9, 2])
    (tmp_path / inside).mkdir(exist_ok=True)
    file = tmp_path / inside / "test_32x32.mat"
    scientific.savemat(file, {"X": images.transpose(1, 2, 3, 0), "y": labels[:, None]})
    found = load("svhn", "test", tmp_path)
    np.testing.assert_array_equal(found.images, images)
    assert found.labels.tolist() == [1, 0, 9, 2]
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(data.DataError, match="truncated or damaged"):
        data.load("svhn", "test", tmp_path, download=False)


def cinic():
    files = {}
    for n, part in enumerate(("train", "valid", "test")):
        for label, name in ((0, "cifar10-train-3"), (0, "n02690373_1"), (5, "n0_2")):
            image = drawn(32, 32, 3, seed=10 * n + len(files))
            place = f"{part}/{CIFAR10_CLASSES[label]}/{name}.png"
            files[place] = encoded(image)
    return files


@pytest.mark.parametrize("form", ["CINIC-10", "cinic10/CINIC-10", ".", "archive"])
def test_cinic10(tmp_path, form):
    if form == "archive":
        tar_of(tmp_path / "CINIC-10.tar.gz", cinic(), "w:gz")
    else:
        folder_of(tmp_path / form, cinic())
    for split in ("train", "validation", "test"):
        found = load("cinic10", split, tmp_path)
        assert found.labels.tolist() == [0, 0, 5] and found.names == CIFAR10_CLASSES
    assert load("cinic10:cifar10", "validation", tmp_path).index.tolist() == [0]
    assert load("cinic10:imagenet", "validation", tmp_path).index.tolist() == [1, 2]
    with pytest.raises(data.DataError, match="cinic10:cifar10 or cinic10:imagenet"):
        data.load("cinic10:coco", "train", tmp_path, download=False)


def signs(training):
    train = {
        f"GTSRB/{training}/{label:05d}/{label:05d}_{n:05d}.ppm": encoded(
            drawn(20 + n, 31, 3, seed=label), "PPM"
        )
        for label in (0, 42)
        for n in range(2)
    }
    test = {
        f"GTSRB/Final_Test/Images/{n:05d}.ppm": encoded(drawn(40, 25 + n, 3), "PPM")
        for n in range(2)
    }
    rows = "Filename;Width;ClassId\n00001.ppm;9;7\n00000.ppm;9;3\n"
    return train, test, rows.encode()


@pytest.mark.parametrize("form", ["folder", "zip", "second zip"])
def test_gtsrb(tmp_path, form):
    training = "Training" if form != "second zip" else "Final_Training/Images"
    train, test, truth = signs(training)
    if form == "folder":
        folder_of(tmp_path, {**train, **test, "GT-final_test.csv": truth})
    else:
        name = {
            "zip": "GTSRB-Training_fixed",
            "second zip": "GTSRB_Final_Training_Images",
        }
        zip_of(tmp_path / f"{name[form]}.zip", train)
        zip_of(tmp_path / "GTSRB_Final_Test_Images.zip", test)
        zip_of(tmp_path / "GTSRB_Final_Test_GT.zip", {"GT-final_test.csv": truth})
    found = load("gtsrb", "train", tmp_path)
    assert found.images.shape == (4, 32, 32, 3) and len(found.names) == 43
    assert found.labels.tolist() == [0, 0, 42, 42]
    large = load("gtsrb:48", "test", tmp_path)
    assert large.images.shape == (2, 48, 48, 3) and large.labels.tolist() == [3, 7]


def photos():
    return {w: [drawn(20 + 5 * n, 30, 3, seed=n) for n in range(2)] for w in WNIDS}


def meta():
    """The developers' kit: the ids are not in the order of the names."""
    rows = [(n + 1, wnid) for n, wnid in enumerate((WNIDS[2], WNIDS[0], WNIDS[1]))]
    kinds = [("ILSVRC2012_ID", "O"), ("WNID", "O")]
    stream = io.BytesIO()
    scientific.savemat(stream, {"synsets": np.array(rows, kinds)[:, None]})
    start = "ILSVRC2012_devkit_t12/data"
    return {
        f"{start}/meta.mat": stream.getvalue(),
        f"{start}/ILSVRC2012_validation_ground_truth.txt": b"2\n1\n3\n",
    }


@pytest.mark.parametrize("form", ["folder", "archives"])
def test_imagenet(tmp_path, form):
    jpegs = {w: [encoded(x, "JPEG") for x in some] for w, some in photos().items()}
    named = {w: {f"{w}_{n}.JPEG": x for n, x in enumerate(j)} for w, j in jpegs.items()}
    tests = {
        f"ILSVRC2012_val_0000000{n + 1}.JPEG": jpegs[WNIDS[0]][0] for n in range(3)
    }
    if form == "folder":
        for wnid, files in named.items():
            folder_of(tmp_path / "train" / wnid, files)
        for (name, content), wnid in zip(tests.items(), WNIDS, strict=True):
            folder_of(tmp_path / "val" / wnid, {name: content})
    else:
        inner = {
            f"{w}.tar": tar_of(tmp_path / "x", files).read_bytes()
            for w, files in named.items()
        }
        tar_of(tmp_path / "ILSVRC2012_img_train.tar", inner)
        tar_of(tmp_path / "ILSVRC2012_img_val.tar", tests)
        tar_of(tmp_path / "ILSVRC2012_devkit_t12.tar.gz", meta(), "w:gz")
    train = load("imagenet:14", "train", tmp_path)
    assert train.images.shape == (6, 14, 14, 3) and train.names == WNIDS
    assert train.labels.tolist() == [0, 0, 1, 1, 2, 2]
    test = load("imagenet:14", "test", tmp_path)
    assert test.labels.tolist() == ([0, 1, 2] if form == "folder" else [0, 2, 1])
    assert load("imagenet", "test", tmp_path).images.shape[1:] == (224, 224, 3)
    with pytest.raises(data.DataError, match="the pixels of a side"):
        data.load("imagenet:large", "test", tmp_path, download=False)


def test_the_middle_of_a_photo_is_kept(tmp_path):
    """A step of brightness in the middle stays there, whatever is cut off."""
    photo = np.zeros((40, 80, 3), np.uint8)
    photo[:, 40:] = 255
    folder_of(tmp_path / "val/n00000001", {"a.JPEG": encoded(photo, "JPEG")})
    (image,) = data.load("imagenet:28", "test", tmp_path, download=False).images
    assert image[:, :10].max() < 30 and image[:, -10:].min() > 225


def test_medmnist(tmp_path):
    arrays = {
        f"{split}_{what}": drawn(n, 28, 28) if what == "images" else drawn(n, 1) % 3
        for n, split in ((5, "train"), (3, "val"), (4, "test"))
        for what in ("images", "labels")
    }
    np.savez(tmp_path / "pathmnist.npz", **arrays)
    for split, count in (("train", 5), ("validation", 3), ("test", 4)):
        found = load("medmnist:pathmnist", split, tmp_path)
        assert len(found) == count and found.images.shape[1:] == (28, 28, 1)
        key = {"validation": "val"}.get(split, split)
        assert found.labels.tolist() == arrays[f"{key}_labels"][:, 0].tolist()


@pytest.mark.parametrize("name", ["imagenet", "medmnist:pathmnist"])
def test_what_cannot_be_downloaded_says_where_it_is(tmp_path, name, monkeypatch):
    monkeypatch.setenv("PURIFAX_DATA_DIR", str(tmp_path))
    with pytest.raises(data.DataError, match="found in none .*: .*there"):
        data.load(name, "test", tmp_path)


def test_every_named_set_says_its_splits():
    for name, facts in SETS.items():
        assert {"train", "test"} <= set(facts.splits) or name == "cifar10_c"
        assert bool(facts.archives) != bool(facts.by_hand)


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path):
    """A zip, and a compressed tar, of a few kilobytes that hold gigabytes of zeros."""
    form = re.compile(r".*\.png")
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        with packed.open("a.png", "w", force_zip64=True) as file:
            for _ in range(300):
                file.write(bytes(1 << 20))
    names, read = official_files.opened(tmp_path / "a.zip", form)
    assert names == ["a.png"]
    with pytest.raises(data.DataError, match="over 200 times its size"):
        read("a.png")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as packed:
        member = tarfile.TarInfo("a.png")
        member.size = 300 << 20
        packed.addfile(member, io.BytesIO(bytes(300 << 20)))
    with pytest.raises(data.DataError, match="over 200 times its size"):
        official_files.opened(tmp_path / "a.tar.gz", form)
