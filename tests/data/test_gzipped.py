"""A gzipped file at any place: the bytes of the whole, damage as gzip tells it."""

import gzip
import zlib

import numpy as np
import pytest

from purifax.data import gzipped

CONTENT = np.random.default_rng(0).integers(0, 99, 300_000, np.uint8).tobytes()


@pytest.fixture(autouse=True)
def near(monkeypatch):
    monkeypatch.setattr(gzipped, "APART", 40_000)


def opened(tmp_path, packed):
    path = tmp_path / "file.gz"
    path.write_bytes(packed)
    return gzipped.unpacked(path)


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(CONTENT),
        gzip.compress(CONTENT[:70_001]) + gzip.compress(CONTENT[70_001:]) + bytes(600),
        CONTENT,
    ],
    ids=["one", "two and padding", "not packed"],
)
def test_any_place_is_read_in_any_order(tmp_path, packed):
    file = opened(tmp_path, packed)
    random = np.random.default_rng(1)
    for start in random.integers(0, len(CONTENT), 40):
        size = int(random.integers(0, 100_000))
        file.seek(int(start))
        assert file.read(size) == CONTENT[start : start + size]
        assert file.tell() == min(start + size, len(CONTENT))
    assert file.seek(0, 2) == len(CONTENT) and file.read() == b""


def test_going_back_unpacks_from_the_nearest_point(tmp_path, monkeypatch):
    file = opened(tmp_path, gzip.compress(CONTENT))
    file.seek(0, 2)
    fed = []
    real = gzipped.Gzipped._more

    def count(self, size):
        content = real(self, size)
        fed.append(len(content))
        return content

    monkeypatch.setattr(gzipped.Gzipped, "_more", count)
    for start in (290_000, 170_000, 10):
        fed.clear()
        file.seek(start)
        assert file.read(5) == CONTENT[start : start + 5]
        assert sum(fed) < gzipped.APART + 3 * gzipped.BLOCK


def flipped(packed, at):
    content = bytearray(packed)
    content[at] ^= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("packed", "error"),
    [
        (gzip.compress(CONTENT)[:-9], EOFError),
        (gzip.compress(CONTENT)[:90_000], EOFError),
        (flipped(gzip.compress(CONTENT), -6), zlib.error),
        (flipped(gzip.compress(CONTENT, 0), 150_000), zlib.error),
    ],
    ids=["sum cut", "cut", "another sum", "another byte"],
)
def test_damage_is_told_at_the_end(tmp_path, packed, error):
    with pytest.raises(error):
        opened(tmp_path, packed).seek(0, 2)
