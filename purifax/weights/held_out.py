"""Images on which a converted network is tried: digits, or those of a folder."""

import pathlib

import jax
import numpy as np

from purifax.data import digits
from purifax.data.decode import SUFFIXES, picture

__all__ = ["images"]

_PIXELS, _MOST = 2**13, 32


def images(shape: tuple[int, ...], folder: str = "") -> tuple[np.ndarray, str]:
    """Images of a shape, [N, H, W, C] in [0, 1], and what they are in words.

    Their number falls with their size: 32 of up to 16 x 16, 8 of 32 x 32, 2 of 64 x 64
    and more. Digits are test images of 8 x 8, enlarged bilinearly and repeated over
    channels.

    Args:
        shape: of one image, (H, W, C).
        folder: with images; "" takes the shipped digits.

    Raises:
        FileNotFoundError: the folder is not there, or has no image.
        ValueError: a file in it is no image.

    >>> images((16, 16, 3))[0].shape
    (32, 16, 16, 3)
    """
    height, width, _ = shape
    count = min(max(_PIXELS // (height * width), 2), _MOST)
    if not folder:
        found = digits.read("test").images[:count]
        words = "digits"
    else:
        files = _files(folder)[:count]
        found = [picture(str(file)) for file in files]
        words = f"{len(files)} images of {folder}"
    return np.stack([_fitted(image, shape) for image in found]), words


def _files(folder: str) -> list[pathlib.Path]:
    place = pathlib.Path(folder)
    if not place.is_dir():
        raise FileNotFoundError(f"--check: there is no folder {folder}.")
    files = sorted(f for f in place.rglob("*") if f.suffix.lower() in SUFFIXES)
    if not files:
        kinds = ", ".join(SUFFIXES)
        raise FileNotFoundError(f"--check: {folder} has no image ({kinds}).")
    return files


def _fitted(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The middle square, resized, in [0, 1], with as many channels as are wanted."""
    pixels = np.asarray(image, np.float32).reshape(*image.shape[:2], -1) / 255
    side = min(pixels.shape[:2])
    top, left = ((n - side) // 2 for n in pixels.shape[:2])
    pixels = pixels[top : top + side, left : left + side]
    if pixels.shape[-1] != shape[-1]:
        pixels = np.repeat(pixels.mean(-1, keepdims=True), shape[-1], axis=-1)
    return np.asarray(jax.image.resize(pixels, shape, "linear"))
