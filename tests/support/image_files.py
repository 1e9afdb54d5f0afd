"""Small image files of every kind, for tests of what is read and what is refused."""

import io
import os
import struct
import zlib

import numpy as np
from PIL import Image

__all__ = ["GREY", "classes", "encoded", "png", "save"]

GREY = np.arange(64, dtype=np.uint8).reshape(8, 8) * 3
"""A picture of 8 x 8."""


def encoded(image, form="PNG", **options):
    """The bytes of a picture: of a Pillow image or an array, in a format."""
    stream = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(stream, form, **options)
    return stream.getvalue()


def png(width, height, depth, colour, rows=b""):
    """A PNG by its header: any size and depth, and whatever content."""

    def part(name, content):
        checksum = zlib.crc32(name + content)
        return (
            struct.pack(">I", len(content))
            + name
            + content
            + struct.pack(">I", checksum)
        )

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + body


def save(folder, *names, content=None):
    """Files of these names, with the content or a grey picture; the folders too."""
    for name in names:
        path = folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(GREY) if content is None else content)
    return folder


def classes(folder, *names, count=6):
    """Folders of pictures, such as `train/cat`."""
    for name in names:
        save(folder, *(f"{name}/{n}.png" for n in range(count)))
    return folder
