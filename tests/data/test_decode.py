"""One set of rules for image files, whoever reads them."""

import numpy as np
import pytest
from image_files import GREY, encoded
from PIL import Image

from purifax.data.decode import decode, picture
from purifax.data.images import DataError

COLOUR = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)


def read(content, shape=None):
    return picture("it", lambda name: content, shape)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM"])
def test_eight_bits_are_read_exactly(form):
    np.testing.assert_array_equal(read(encoded(GREY, form))[..., 0], GREY)
    np.testing.assert_array_equal(read(encoded(COLOUR, form)), COLOUR)


def test_one_bit_is_black_and_white():
    image = Image.fromarray(GREY > 90)
    assert image.mode == "1"
    np.testing.assert_array_equal(read(encoded(image))[..., 0], 255 * (GREY > 90))


def test_a_palette_is_colour_and_transparency_is_dropped():
    image = Image.new("P", (4, 4))
    image.putpalette([10, 20, 30] * 10)
    np.testing.assert_array_equal(
        read(encoded(image, transparency=b"\0\1\2")), np.full((4, 4, 3), (10, 20, 30))
    )
    image = Image.fromarray(COLOUR)
    image.putalpha(0)
    np.testing.assert_array_equal(read(encoded(image)), COLOUR)
    image = Image.fromarray(GREY).convert("LA")
    np.testing.assert_array_equal(read(encoded(image))[..., 0], GREY)


def test_four_colours_of_ink_become_three():
    image = Image.fromarray(COLOUR).convert("CMYK")
    np.testing.assert_array_equal(read(encoded(image, "TIFF")), COLOUR)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "JPEG"])
@pytest.mark.parametrize("orientation, turns", [(3, 2), (6, 3), (8, 1)])
def test_the_rotation_of_exif_is_applied(form, orientation, turns):
    grey = np.repeat(np.arange(0, 240, 30, dtype=np.uint8)[None], 16, 0)
    grey[:8] //= 4
    grey = np.kron(grey, np.ones((1, 4), np.uint8))
    exif = Image.Exif()
    exif[0x112] = orientation
    found = read(encoded(grey, form, exif=exif))[..., 0]
    right = np.rot90(grey, turns)
    assert found.shape == right.shape
    assert np.abs(found.astype(int) - right).mean() < 4


def test_a_preview_beside_the_picture_is_ignored():
    pages = [Image.fromarray(GREY), Image.fromarray(GREY[:4, :4])]
    content = encoded(pages[0], "MPO", save_all=True, append_images=pages[1:])
    assert read(content).shape == (8, 8, 1)


def test_another_size_is_refused_before_it_is_decoded():
    content = encoded(np.zeros((2000, 3000), np.uint8))
    with pytest.raises(DataError, match="is 2000 x 3000 x 1, not 8 x 8; resize"):
        read(content[:200], (8, 8, 1))
    with pytest.raises(DataError, match="is 5 x 6 x 3, not 6 x 5"):
        read(encoded(COLOUR.transpose(1, 0, 2)), (6, 5, 3))


def test_grey_can_be_read_as_colour_and_not_the_reverse():
    found = read(encoded(GREY), (8, 8, 3))
    np.testing.assert_array_equal(found, np.dstack([GREY] * 3))
    with pytest.raises(DataError, match="is in colour, the set is grey"):
        read(encoded(COLOUR), (6, 5, 1))


def test_a_cut_file_never_gives_another_picture():
    noise = np.random.default_rng(0).integers(0, 256, (9, 7), np.uint8)
    for form in ("PNG", "GIF", "BMP", "TIFF", "PPM", "JPEG", "WEBP"):
        content = encoded(noise, form)
        whole, refused = read(content), 0
        for end in range(0, len(content), 3):
            try:
                found = read(content[:end])
            except DataError:
                refused += 1
            else:
                np.testing.assert_array_equal(found, whole)
        assert refused > len(content) / 6


def test_all_refused_files_are_counted():
    files = {"a": encoded(GREY), "b": b"", "c": encoded(GREY), "d": b"text"}
    with pytest.raises(DataError, match="b cannot be read.*1 more of 4 files"):
        decode(list(files), files.__getitem__)
