"""Purified photos as files: the same name, folder, format, size and kind of pixels.

A format is that of the name's ending. PNG, BMP, TIFF, PPM and WebP are written without
loss, JPEG at a quality and with all of its colour (4:4:4), GIF with 256 colours. A grey
photo stays grey. The colour profile is kept, and so is transparency where the format
has it; other metadata, such as a camera's, which may hold a preview of the photo as it
was, are not. The rotation that EXIF data ask for is applied.
"""

import io
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from purifax.data.decode import quiet
from purifax.data.images import DataError

__all__ = ["FORMATS", "Kept", "encoded", "grey", "kept", "names", "sheet"]

FORMATS = ("same", "png", "jpg", "webp", "tif", "bmp")

_KINDS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".ppm": "PPM",
    ".pgm": "PPM",
}
_CLEAR = {"PNG", "WEBP", "TIFF"}
"""Formats with transparency of 8 bits."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def names(given: Sequence[str], form: str) -> list[str]:
    """The names of the purified photos.

    Args:
        form: one of `FORMATS`; "same" keeps each photo's own.

    Raises:
        DataError: two photos would be written as one file.

    >>> names(["a/x.JPG", "a/y.bmp"], "same"), names(["a/x.JPG", "a/y.bmp"], "png")
    (['a/x.JPG', 'a/y.bmp'], ['a/x.png', 'a/y.png'])
    """
    found = [_named(name, form) for name in given]
    seen: set[str] = set()
    for name in found:
        if name in seen:
            raise DataError(f"two images would both be written as {name}.")
        seen.add(name)
    return found


def _named(name: str, form: str) -> str:
    path = pathlib.PurePath(name)
    same = form == "same" or _KINDS[path.suffix.lower()] == _KINDS[f".{form}"]
    return name if same else str(path.with_suffix(f".{form}"))


def grey(pixels: np.ndarray) -> np.ndarray:
    """The brightness of colours (ITU-R BT.601), [H, W, 1], like an image of 0 to 255.

    >>> grey(np.full((1, 1, 3), 9.0)).ravel()
    array([9.], dtype=float32)
    """
    return (np.asarray(pixels, np.float32) @ _LUMA)[..., None]


class Kept(NamedTuple):
    """What a purified photo keeps of the photo: colour profile and transparency."""

    profile: bytes | None = None
    clear: Any = None


def kept(origin: Any) -> Kept:
    """What is kept of a photo.

    A profile of printing colours does not describe what became red, green and blue.
    """
    from PIL import Image, ImageOps

    with quiet(), Image.open(origin) as image:
        profile = None if image.mode == "CMYK" else image.info.get("icc_profile")
        if not image.has_transparency_data:
            return Kept(profile)
        turned = ImageOps.exif_transpose(image)
        return Kept(profile, turned.convert("RGBA").getchannel("A"))


def encoded(pixels: np.ndarray, name: str, origin: Kept, quality: int) -> bytes:
    """The content of a file.

    Args:
        pixels: uint8 [H, W, C].
        name: of the file, whose ending decides the format.
        origin: what is kept of the photo, as far as the format has it.
        quality: of JPEG, from 1 to 100.
    """
    from PIL import Image

    kind = _KINDS[pathlib.PurePath(name).suffix.lower()]
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    options: dict[str, Any] = {}
    if origin.clear is not None and kind in _CLEAR:
        image.putalpha(origin.clear)
    if origin.profile is not None:
        options |= {"icc_profile": origin.profile}
    if kind == "JPEG":
        options |= {"quality": quality, "subsampling": 0}
    elif kind == "WEBP":
        options |= {"lossless": True}
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def sheet(pairs: Sequence[tuple[np.ndarray, np.ndarray]], side: int = 128) -> bytes:
    """A PNG of photos above their purified ones, each within a square.

    Small photos are enlarged a whole number of times; larger ones are made smaller.

    Args:
        pairs: of uint8 [H, W, C].
    """
    from PIL import Image

    page = Image.new("RGB", (len(pairs) * (side + 2), 2 * (side + 2)), "white")
    for column, pair in enumerate(pairs):
        for row, pixels in enumerate(pair):
            image = Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
            times = max(1, side // max(image.size))
            image = image.resize((image.width * times, image.height * times), 0)
            image.thumbnail((side, side))
            page.paste(image, (column * (side + 2) + 1, row * (side + 2) + 1))
    stream = io.BytesIO()
    page.save(stream, "PNG")
    return stream.getvalue()
