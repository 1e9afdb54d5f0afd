"""Image files as uint8 arrays: one set of rules for files, folders, archives and sets.

- Up to 8 bits per channel are read exactly. Grey files (of 1, 2, 4 or 8 bits) have one
  channel; palette, RGB, CMYK and YCbCr files have three.
- 16 bits and floats are refused, since they would lose precision.
- Transparency is dropped, and the rotation that EXIF data ask for is applied.
- A file of several pictures, an animation or pages, is refused; the preview that some
  cameras append is ignored.
- A file that is empty, cut short or damaged, or that is not a regular file (a FIFO, a
  device, a dangling link) is refused, and so is a picture of more than 2^26 pixels.
- Where the size is known, another one is refused before anything is decoded. A grey
  file can be read as a colour image, but not the reverse.

Refused files are named. `load` then refuses the whole set; purification leaves them
out, does the rest, and ends with a code other than 0.
"""

import io
import os
import stat
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from purifax.data.images import DataError, dimensions
from purifax.run.budget import afford

__all__ = [
    "MOST",
    "SUFFIXES",
    "content",
    "decode",
    "in_channels",
    "measured",
    "picture",
    "quiet",
]

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm"}
SUFFIXES |= {".pgm"}
"""Endings of the names of image files, in any case."""

MOST = 1 << 26
"""Pixels of a picture, at most; decoding one takes about 10 bytes for each."""

GREY_MODES = ("1", "L", "LA")
COLOUR_MODES = ("P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
BITS, FORMAT = 258, 339
"""Tags of TIFF: bits per channel, and what they are (1: unsigned integers)."""

ORIENTATION = 274
"""Tag of EXIF: how a picture is to be turned; from 5 to 8, by a quarter."""


def content(path: Any) -> bytes:
    """The bytes of a file; nothing else than a regular file is opened.

    Raises:
        DataError: it is none, or cannot be read.
    """
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise DataError(f"{path} is no regular file.")
        afford(path, found.st_size)
        return Path(path).read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Any, error: OSError) -> DataError:
    link = os.path.islink(path) and not os.path.exists(path)
    why = "it is a dangling link" if link else error.strerror or error
    return DataError(f"{path} cannot be read: {why}.")


def picture(
    name: str,
    read: Callable[[str], bytes] = content,
    shape: tuple[int, ...] | None = None,
) -> np.ndarray:
    """One file as uint8 [H, W, C], by the rules of this module.

    Args:
        name: of the file; used in error messages.
        read: returns its bytes.
        shape: (H, W, C) or (H, W) of the result; by default its own, with C = 1 where
            it is grey.

    Raises:
        DataError: the file is refused, or has another size.
    """
    with quiet():
        pixels = _pixels(name, read, shape and shape[:2])
    return in_channels(name, pixels, shape[2]) if shape and shape[2:] else pixels


def measured(path: Any) -> tuple[int, int, int]:
    """(H, W, C) of a file as `picture` gives it, of which the head alone is read.

    Raises:
        DataError: the file is refused for what its head says, or cannot be read.
    """
    from PIL import Image

    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise DataError(f"{path} is no regular file.")
        with open(path, "rb") as file:
            head = file.read(64)
    except OSError as error:
        raise _unreadable(path, error) from error
    with quiet(), _refusing(path, head), Image.open(path) as image:
        _check(str(path), image, head)
        turned = image.getexif().get(ORIENTATION, 1) in range(5, 9)
        width, height = image.size[::-1] if turned else image.size
        return height, width, 1 if image.mode in GREY_MODES else 3


def in_channels(name: str, pixels: np.ndarray, channels: int) -> np.ndarray:
    """An image of 1 or 3 channels as one of that many: grey can become colour.

    Raises:
        DataError: it is in colour, and one channel is wanted.
    """
    if pixels.shape[-1] > channels:
        raise DataError(f"{name} is in colour, the set is grey.")
    return pixels if pixels.shape[-1] == channels else np.repeat(pixels, channels, 2)


def decode(
    names: Sequence[str], read: Callable[[str], bytes] = content
) -> tuple[np.ndarray, np.ndarray]:
    """Decode the named files, which must have one size, as colour images.

    Args:
        names: names of the files, at least one; used in error messages.
        read: returns the bytes of a named file; called from several threads.

    Returns:
        The images, uint8 [N, H, W, 3], with three equal channels where the file is
        grey; and whether each file is grey, bool [N].

    Raises:
        DataError: files are refused; the message names the first and counts the others.
    """
    with quiet():
        height, width = _pixels(names[0], read).shape[:2]
        afford(f"{names[0]} and {len(names) - 1} more", len(names) * height * width * 3)
        images = np.empty((len(names), height, width, 3), np.uint8)
        grey = np.empty(len(names), bool)

        def fill(position: int) -> str | None:
            try:
                pixels = _pixels(names[position], read, (height, width), names[0])
            except DataError as error:
                return str(error)
            images[position] = pixels
            grey[position] = pixels.shape[2] == 1

        with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
            wrong = [why for why in threads.map(fill, range(len(names))) if why]
    if wrong:
        more = f" So are {len(wrong) - 1} more of {len(names)} files refused."
        raise DataError(wrong[0] + more * (len(wrong) > 1))
    return images, grey


def _pixels(
    name: str,
    read: Callable[[str], bytes],
    size: tuple[int, ...] | None = None,
    first: str | None = None,
) -> np.ndarray:
    """uint8 [H, W, 1] of a grey file, [H, W, 3] of any other.

    Args:
        size: (H, W); the size of the file called `first`.
    """
    from PIL import Image, ImageOps

    packed = read(name)
    with _refusing(name, packed), Image.open(io.BytesIO(packed)) as image:
        _check(name, image, packed)
        grey = image.mode in GREY_MODES
        if size and sorted(image.size) != sorted(size):
            own = (*image.size[::-1], 1 if grey else 3)
            raise _another_size(name, own, size, first)
        turned = ImageOps.exif_transpose(image)
        pixels = np.asarray(turned.convert("L" if grey else "RGB"))
    pixels = pixels[..., None] if grey else pixels
    if size and pixels.shape[:2] != tuple(size):
        raise _another_size(name, pixels.shape, size, first)
    return pixels


@contextmanager
def _refusing(name: Any, packed: bytes) -> Iterator[None]:
    """Within it, whatever a damaged file raises is a refusal."""
    from PIL import Image

    if not packed:
        raise DataError(f"{name} cannot be read as an image: it is empty.")
    try:
        yield
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(
            f"{name} has more than {MOST} pixels; make it smaller."
        ) from None
    except Image.UnidentifiedImageError as error:
        raise DataError(
            f"{name} cannot be read as an image: its content is none."
        ) from error
    except Exception as error:  # a damaged file raises nearly anything
        why = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise DataError(f"{name} cannot be read as an image: {why}.") from error


def _check(name: str, image: Any, packed: bytes) -> None:
    """Refuse what the rules refuse, before it is decoded."""
    if image.mode not in GREY_MODES + COLOUR_MODES:
        raise DataError(
            f"{name} has pixels of mode {image.mode}, not 8 bits per channel; "
            "convert it to an 8-bit PNG."
        )
    if _deep(image, packed):
        raise DataError(
            f"{name} does not have 8 bits per channel, unsigned; convert it to an "
            "8-bit PNG."
        )
    if image.size[0] * image.size[1] > MOST:
        raise DataError(
            f"{name} is {image.size[0]} x {image.size[1]} pixels, more than {MOST} in "
            "all; make it smaller."
        )
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > 1:
        raise DataError(
            f"{name} holds {frames} pictures, an animation or pages; save the wanted "
            "one alone."
        )


def _deep(image: Any, packed: bytes) -> bool:
    """Whether a file has more than 8 bits per channel, which Pillow would cut off."""
    if image.format == "PNG":
        return packed[24] > 8
    if image.format == "TIFF":
        bits, kinds = image.tag_v2.get(BITS, (1,)), image.tag_v2.get(FORMAT, (1,))
        return max(bits) > 8 or set(kinds) != {1}
    if image.format == "PPM":
        codec, *_, args = image.tile[0]
        return codec.startswith("ppm") and args[1] > 255
    return False


def _another_size(
    name: str, shape: Sequence[int], size: Sequence[int], first: str | None = None
) -> DataError:
    """That a file is of another size than the others, or than what is needed."""
    if first is None:
        own = dimensions(shape)
        return DataError(f"{name} is {own}, not {dimensions(size)}; resize it.")
    return DataError(
        f"{name} is {shape[1]} x {shape[0]} pixels but {first} is "
        f"{size[1]} x {size[0]}; resize all to one size."
    )


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings of Pillow; what it takes for a decompression bomb is an error."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield
