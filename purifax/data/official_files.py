"""Official sets of image files, in folders or archives, as lists of files with labels.

A file is read when it is asked for, so that a set is a stream as well as images in
memory. Photos of many sizes are brought to one, with antialiasing.
"""

import hashlib
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from purifax.data.decode import content, in_channels, picture
from purifax.data.examples import Example, Stream, Unreadable
from purifax.data.images import DataError, Images
from purifax.run.budget import afford, unpacks

__all__ = ["Files", "first", "opened", "side_of"]

Read = Callable[[str], bytes]


@dataclass(frozen=True)
class Files:
    """The files of one split.

    Attributes:
        files: their names.
        labels: the class of each.
        index: its place in the published split.
        names: of the classes.
        source: the origin, in words.
        read: the bytes of a file.
        side: (resized, kept): the pixels of the shorter side, 0 for both sides being
            `kept`, and those of the square that is kept; None keeps all.
    """

    files: Sequence[str]
    labels: Sequence[int]
    index: Sequence[int]
    names: tuple[str, ...]
    source: str
    read: Read
    side: tuple[int, int] | None = None

    def picture(self, n: int) -> np.ndarray:
        """One image, uint8 [H, W, 3].

        Raises:
            DataError: it cannot be read.
        """
        pixels = in_channels(self.files[n], picture(self.files[n], self.read), 3)
        return pixels if self.side is None else _square(pixels, *self.side)

    def images(self) -> Images:
        """All of them, in memory."""
        shape = self.picture(0).shape
        afford(self.source, len(self.files) * int(np.prod(shape)))
        pixels = np.empty((len(self.files), *shape), np.uint8)
        for n in range(len(self.files)):
            found = self.picture(n)
            if found.shape != shape:
                raise DataError(
                    f"{self.files[n]} is {found.shape}, the others are {shape}."
                )
            pixels[n] = found
        labels, index = np.asarray(self.labels, np.int32), np.asarray(self.index)
        return Images(pixels, labels, index, self.names, self.source)

    def stream(self) -> Stream:
        """The same images one by one."""

        def rows(positions: range) -> Iterator[Example | Unreadable]:
            for n in positions:
                try:
                    image = self.picture(n)
                except DataError as error:
                    yield Unreadable(n, self.files[n], str(error))
                    continue
                yield Example(n, image, int(self.labels[n]), int(self.index[n]))

        height, width, channels = self.picture(0).shape
        words = list(self.files), list(self.labels), list(self.index), self.side
        return Stream(
            len(self.files),
            (height, width, channels),
            self.names,
            self.source,
            hashlib.sha256(repr(words).encode()).hexdigest(),
            rows,
        )


def side_of(name: str, usual: int) -> int:
    """The pixels of a side that a set's name asks for: `gtsrb:48`.

    >>> side_of("gtsrb:48", 32), side_of("gtsrb", 32)
    (48, 32)
    """
    _, colon, text = name.partition(":")
    if not colon:
        return usual
    if not text.isdecimal() or not 1 <= int(text) <= 4096:
        raise DataError(
            f"'{name}' must name the pixels of a side, as in '{name.split(':')[0]}:64'."
        )
    return int(text)


def _square(pixels: np.ndarray, resized: int, kept: int) -> np.ndarray:
    """The middle of the image with its shorter side resized; or all of it, squeezed."""
    from PIL import Image

    height, width = pixels.shape[:2]
    short = min(height, width)
    size = (width * resized // short, height * resized // short)
    image = Image.fromarray(pixels).resize(
        size if resized else (kept, kept), Image.Resampling.BILINEAR
    )
    left, top = (round((n - kept) / 2) for n in image.size)
    return np.asarray(image.crop((left, top, left + kept, top + kept)))


def first(root: Path, names: Sequence[str]) -> Path | None:
    """The first of some paths that exists."""
    return next((root / name for name in names if (root / name).exists()), None)


def opened(path: Path, form: re.Pattern[str]) -> tuple[list[str], Read]:
    """The files of a folder, a .zip or a .tar that have a form, and their bytes.

    Those of a .tar are read once, and kept in memory packed.

    Raises:
        DataError: it is damaged.
    """
    if path.is_dir():
        found = (p.relative_to(path).as_posix() for p in path.rglob("*"))
        return [n for n in found if form.fullmatch(n)], lambda n: content(path / n)
    try:
        if path.suffix == ".zip":
            archive = zipfile.ZipFile(path)
            names = [name for name in archive.namelist() if form.fullmatch(name)]
            return names, lambda name: _unzipped(path, archive, name)
        files = _untarred(path, form)
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError) as error:
        raise DataError(
            f"{path} is truncated or damaged ({error}); fetch it again."
        ) from error
    return list(files), files.__getitem__


def _unzipped(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    """One file of a .zip, of a size that the memory has."""
    size = archive.getinfo(name).file_size
    unpacks(f"{path}: {name}", archive.getinfo(name).compress_size, size)
    afford(f"{path}: {name}", size)
    return archive.read(name)


def _untarred(path: Path, form: re.Pattern[str]) -> dict[str, bytes]:
    """The files of a .tar that have a form, whose sizes the memory has together."""
    files, total = {}, 0
    with tarfile.open(path) as packed:
        for member in packed:
            name = member.name.removeprefix("./")
            total += member.size
            unpacks(path, path.stat().st_size, total)
            if member.isfile() and form.fullmatch(name):
                afford(path, member.size)
                file = packed.extractfile(member)
                assert file is not None
                files[name] = file.read()
    return files
