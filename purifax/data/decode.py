"""Decode image files (PNG, JPEG and others that Pillow reads) into one uint8 array."""

import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from purifax.data.images import DataError

__all__ = ["decode"]

GREY_MODES = ("1", "L", "LA")
COLOUR_MODES = ("P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")


def decode(
    names: Sequence[str], read: Callable[[str], bytes]
) -> tuple[np.ndarray, np.ndarray]:
    """Decode the named files, which must have one size, as colour images.

    Transparency is dropped. Files of 16 bits or of floats raise, since they would lose
    precision.

    Args:
        names: names of the files, at least one; used in error messages.
        read: returns the bytes of a named file; called from several threads.

    Returns:
        The images, uint8 [N, H, W, 3], with three equal channels where the file is
        grey; and whether each file is grey, bool [N].
    """
    height, width = _pixels(names[0], read).shape[:2]
    images = np.empty((len(names), height, width, 3), np.uint8)
    grey = np.empty(len(names), bool)

    def fill(position: int) -> None:
        pixels = _pixels(names[position], read)
        if pixels.shape[:2] != (height, width):
            size = f"{pixels.shape[1]} x {pixels.shape[0]} pixels"
            raise DataError(
                f"{names[position]} is {size} but {names[0]} is {width} x {height}; "
                "resize all to one size."
            )
        images[position] = pixels
        grey[position] = pixels.shape[2] == 1

    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        for _ in threads.map(fill, range(len(names))):
            pass
    return images, grey


def _pixels(name: str, read: Callable[[str], bytes]) -> np.ndarray:
    """uint8 [H, W, 1] of a grey file, [H, W, 3] of any other."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(read(name))) as image:
            if image.mode not in GREY_MODES + COLOUR_MODES:
                raise DataError(
                    f"{name} has pixels of mode {image.mode}, not 8 bits per channel; "
                    "convert it to an 8-bit PNG."
                )
            grey = image.mode in GREY_MODES
            pixels = np.asarray(image.convert("L" if grey else "RGB"))
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(f"{name} cannot be read as an image: {error}.") from error
    return pixels[..., None] if grey else pixels
