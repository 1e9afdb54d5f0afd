"""An .npz read image by image: the same rows as in memory, damage told by image."""

import zipfile

import numpy as np
import pytest
from data import writers

from purifax import data
from purifax.data import npz
from purifax.data.examples import Unreadable
from purifax.data.stream import from_images, open_stream

WAYS = {"stored": np.savez, "packed": np.savez_compressed}


def arrays(count=9, shape=(6, 5, 3)):
    pixels, labels = writers.pictures(count, shape, 3)
    return {"images": pixels, "labels": labels}


def told(stream, positions):
    rows = stream.read(positions)
    return [(r.position, r.image.tolist(), r.label, r.id) for r in rows]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"index": np.arange(9) * 7, "names": ["a", "b", "c"]},
        {"images": arrays(shape=(6, 5, 1))["images"][..., 0]},
        {"images": np.asfortranarray(arrays()["images"])},
    ],
    ids=["plain", "with index", "grey", "fortran"],
)
def test_rows_are_those_in_memory(tmp_path, way, changes):
    path = tmp_path / "mine.npz"
    WAYS[way](path, **arrays() | changes)
    stream, wanted = open_stream(str(path)), from_images(npz.read(path, "all"))
    # Forward, over a gap, and back, as workers go who take others' shards over.
    for positions in (range(2, 4), range(6, 9), range(0, 3)):
        assert told(stream, positions) == told(wanted, positions)
    for name in ("count", "shape", "names", "source"):
        assert getattr(stream, name) == getattr(wanted, name)


def test_the_digest_is_of_the_content_and_the_split(tmp_path):
    whole = arrays(8)
    both = {"x_train": whole["images"][:4], "x_test": whole["images"][4:]}
    digests = set()
    for number, path in enumerate([tmp_path / "a.npz", tmp_path / "b.npz"]):
        both["x_train"][0, 0, 0, 0] = number
        np.savez(path, **both)
        digests |= {open_stream(str(path), split).digest for split in ("train", "test")}
    assert len(digests) == 4
    np.savez(tmp_path / "c.npz", **both)
    assert open_stream(str(tmp_path / "c.npz")).digest in digests


def damaged(path, size=1):
    """Changes so many bytes in the middle of the images."""
    with zipfile.ZipFile(path) as archive:
        middle = archive.getinfo("images.npy").compress_size // 2
    content = bytearray(path.read_bytes())
    changed = [byte ^ 255 for byte in content[middle : middle + size]]
    content[middle : middle + size] = bytes(changed)
    path.write_bytes(content)


NOISE = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), np.uint8)


@pytest.mark.parametrize("way", WAYS)
def test_a_changed_byte_is_one_line_before_anything_is_done(tmp_path, way):
    path = tmp_path / "mine.npz"
    WAYS[way](path, images=NOISE)
    damaged(path)
    with pytest.raises(
        data.DataError, match="mine.npz is damaged .*images.npy"
    ) as told:
        open_stream(str(path))
    assert "\n" not in str(told.value)


def test_what_cannot_be_unpacked_any_more_is_told_and_the_rest_is_read(tmp_path):
    path = tmp_path / "mine.npz"
    np.savez_compressed(path, images=NOISE)
    stream = open_stream(str(path))
    damaged(path, 4000)
    found = list(stream.read(range(40)))
    lost = [row for row in found if isinstance(row, Unreadable)]
    assert lost and "truncated or damaged" in lost[0].reason
    assert f"mine.npz, image {lost[0].position}" in lost[0].where
    first = found[: lost[0].position]
    assert len(first) > 10
    for row in first[:10]:
        np.testing.assert_array_equal(row.image, NOISE[row.position])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labels": np.arange(4)}, "9 images but 4 labels"),
        ({"names": ["a"]}, "labels from 0 to 2, but 1 classes"),
        ({"images": np.zeros((9, 4, 4))}, "float64 images"),
        ({"images": np.zeros((9, 3, 8, 8), np.uint8)}, "channels come last"),
    ],
)
def test_what_is_wrong_is_said_at_once(tmp_path, changes, words):
    np.savez(tmp_path / "mine.npz", **arrays() | changes)
    with pytest.raises(data.DataError, match=words):
        open_stream(str(tmp_path / "mine.npz"))
