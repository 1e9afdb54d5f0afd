"""Grids of images as picture files."""

import pathlib
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

__all__ = ["grid", "strip"]


def grid(path: pathlib.Path, rows: np.ndarray, height: int = 64) -> None:
    """Writes images [R, K, H, W, C] in [0, 1] as R rows of K, each enlarged.

    Pixels are repeated a whole number of times, so that nothing is blurred.
    """
    times = max(1, height // rows.shape[2])
    pixels = np.rint(np.clip(rows, 0, 1) * 255).astype(np.uint8)
    pixels = pixels.repeat(times, 2).repeat(times, 3)
    pixels = np.pad(pixels, ((0, 0), (0, 0), (1, 1), (1, 1), (0, 0)))
    r, k, h, w, c = pixels.shape
    page = pixels.transpose(0, 2, 1, 3, 4).reshape(r * h, k * w, c)
    Image.fromarray(page[..., 0] if c == 1 else page).save(path)


def strip(path: pathlib.Path, rows: np.ndarray, words: Sequence[str]) -> None:
    """Writes images [R, K, H, W, C] as `grid` does, with words beside each row."""
    grid(path, rows)
    with Image.open(path) as found:
        images = found.convert("RGB")
    high, margin = images.height // len(words), 150
    page = Image.new("RGB", (images.width + margin, images.height), "white")
    page.paste(images, (margin, 0))
    draw = ImageDraw.Draw(page)
    for row, line in enumerate(words):
        draw.text((6, row * high + high // 2 - 5), line, fill="black")
    page.save(path)
