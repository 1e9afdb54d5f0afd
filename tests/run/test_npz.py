"""Stored arrays: every damaged byte is noticed, and other programs read the files."""

import numpy as np
import pytest

from purifax.run import npz

CONTENT = {"x_adv": np.arange(6.0).reshape(2, 3), "a/b": np.array(["cat", "dog"])}


def same(found):
    return found.keys() == CONTENT.keys() and all(
        np.array_equal(found[name], CONTENT[name]) for name in CONTENT
    )


@pytest.mark.parametrize("compressed", [False, True])
def test_every_flipped_bit_is_noticed_or_changes_nothing(tmp_path, compressed):
    path = tmp_path / "part.npz"
    npz.write(path, CONTENT, "part", compressed=compressed)
    content, noticed = path.read_bytes(), 0
    random = np.random.RandomState(0)
    for at in range(len(content)):
        flipped = bytearray(content)
        flipped[at] ^= 1 << random.randint(8)
        path.write_bytes(flipped)
        try:
            assert same(npz.read(path, "part")), at
        except npz.Damaged as error:
            assert str(path) in str(error) and "\n" not in str(error)
            noticed += 1
    assert noticed > len(content) / 2


def test_every_truncation_of_what_is_stored_is_noticed(tmp_path):
    """All before the comment of the archive, which is the checksum."""
    path = tmp_path / "part.npz"
    npz.write(path, CONTENT)
    content = path.read_bytes()
    for size in range(0, content.index(b"sha256"), 7):
        path.write_bytes(content[:size])
        with pytest.raises(npz.Damaged, match=r"part\.npz cannot be read"):
            npz.read(path)


def test_a_file_in_the_place_of_another_is_noticed(tmp_path):
    npz.write(tmp_path / "0.npz", CONTENT, "clean-0")
    (tmp_path / "0.npz").rename(tmp_path / "8.npz")
    with pytest.raises(npz.Damaged, match="its checksum is another one"):
        npz.read(tmp_path / "8.npz", "clean-8")


def test_numpy_reads_what_is_written_and_is_read(tmp_path):
    path = tmp_path / "arrays.npz"
    npz.write(path, CONTENT)
    with np.load(path) as found:
        assert same(dict(found))
    np.savez(path, **CONTENT)
    found = npz.read(path, "any")
    assert same(found)
    found["x_adv"][0] = 1  # as of NumPy, arrays can be written to
    first = path.read_bytes()
    npz.write(path, CONTENT)
    second = path.read_bytes()
    npz.write(path, CONTENT)
    assert path.read_bytes() == second != first


def test_dtypes_that_numpy_does_not_have_are_bytes(tmp_path):
    import jax.numpy as jnp

    npz.write(tmp_path / "a.npz", {"a": np.ones(3, jnp.bfloat16)})
    assert npz.read(tmp_path / "a.npz")["a"].dtype.itemsize == 2
