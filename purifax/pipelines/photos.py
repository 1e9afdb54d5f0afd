"""Photos of any sizes and formats, purified one by one and written as it goes.

The photos of a folder are grouped by the size of what is purified (`album`), read ahead
by a thread, brought to the purifier in parts, purified in batches, joined, and written
(`photo_files`). What is in memory are the photos of a batch, whatever the folder holds.
A photo's noise is that of its place among the files, and its bits depend on neither the
batch that it came in nor on how often the command was stopped (`journal`).
"""

import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from purifax import fleet
from purifax.data.decode import in_channels, picture
from purifax.data.images import DataError
from purifax.fleet.ahead import ahead
from purifax.fleet.purify_batch import BatchedPurifier
from purifax.pipelines import host_fits, photo_files
from purifax.pipelines.album import Group, Photo
from purifax.pipelines.journal import Journal, checksum
from purifax.purify.fitted import LATER
from purifax.types import Purifier

__all__ = ["Work", "batched", "parts_of"]

READ_AHEAD = 4
"""Photos that are read while others are purified."""

NOT_FINITE = "the purifier's answer is not finite"


@dataclass
class _Opened:
    """A photo whose parts are being purified.

    Attributes:
        checksum: of the file that was read.
        left: parts that are not purified yet.
        finite: whether all values of the others were.
    """

    photo: Photo
    checksum: str
    kept: photo_files.Kept
    parts: np.ndarray
    left: int
    finite: bool = True


@dataclass
class Work:
    """How photos are read, purified and written.

    Attributes:
        root: the folder of the photos.
        targets: by photo's name, that of its file.
        journal: of the folder of the files.
        taken: channels that the purifier takes; None for any.
        fit: the recipe that brings photos to the purifier; None for none.
        quality: of JPEG.
        tell: called with the name of each photo that is left out, and the reason.
        shown: called with the number of photos that have just been dealt with.
        check: called between batches; may raise, to stop.
    """

    root: pathlib.Path
    targets: dict[str, str]
    journal: Journal
    taken: int | None
    fit: Any
    quality: int
    tell: Callable[[str, str], None]
    shown: Callable[[int], None]
    check: Callable[[], None]
    written: int = field(default=0)

    def group(
        self, photos: Sequence[Photo], purify: BatchedPurifier, batch: int
    ) -> None:
        """Purify photos whose parts have one shape, and write them."""
        waiting = None
        with closing(ahead(self._read(photos), READ_AHEAD)) as opened:
            for some in _batches(self._parts(opened), batch):
                answer = purify(*_filled(some, batch))
                if waiting is not None:
                    self._take(*waiting)
                waiting = some, answer  # the device works while the next are read
                self.check()
        if waiting is not None:
            self._take(*waiting)

    def _read(self, photos: Iterable[Photo]) -> Iterator[_Opened | tuple[Photo, str]]:
        """The photos in parts, or why one cannot be read."""
        for photo in photos:
            try:
                yield self._opened(photo)
            except (DataError, OSError) as error:
                yield photo, str(error)

    def _opened(self, photo: Photo) -> _Opened:
        path = str(self.root / photo.name)
        read = checksum(self.root / photo.name)
        pixels = parts_of(path, photo, self.taken, self.fit)
        kept = photo_files.kept(path)
        return _Opened(photo, read, kept, pixels, len(pixels))

    def _parts(
        self, opened: Iterable[_Opened | tuple[Photo, str]]
    ) -> Iterator[tuple[_Opened, int]]:
        for one in opened:
            if isinstance(one, tuple):
                self._leave(*one)
                continue
            for part in range(one.left):
                yield one, part

    def _leave(self, photo: Photo, reason: str) -> None:
        self.tell(str(self.root / photo.name), reason)
        self.shown(1)

    def _take(self, some: list[tuple[_Opened, int]], answer: tuple[Any, Any]) -> None:
        """Put purified parts into their photos, and write those that are complete."""
        answers, finite = (np.asarray(part) for part in answer)
        files: dict[str, tuple[bytes, str]] = {}
        for (one, part), new, fine in zip(some, answers, finite, strict=False):
            one.parts[part] = new
            one.left -= 1
            one.finite &= bool(fine)
            if one.left:
                continue
            if not one.finite:
                self._leave(one.photo, NOT_FINITE)
                continue
            name = self.targets[one.photo.name]
            pixels = self._whole(one)
            content = photo_files.encoded(pixels, name, one.kept, self.quality)
            files[name] = content, one.checksum
        self.journal.write(files)
        self.written += len(files)
        self.shown(len(files))

    def _whole(self, one: _Opened) -> np.ndarray:
        """The purified photo, uint8 [H, W, C], grey if it was."""
        height, width, channels = one.photo.shape
        pixels = one.parts[0]
        if self.fit is not None:
            shape = (height, width, one.parts.shape[-1])
            pixels = host_fits.whole(self.fit, one.parts, shape)
        if channels < pixels.shape[-1]:
            pixels = photo_files.grey(pixels)
        return np.rint(np.clip(pixels, 0, 255)).astype(np.uint8)


def parts_of(path: str, photo: Photo, taken: int | None, fit: Any) -> np.ndarray:
    """What is purified of a photo, from 0 to 255: [K, h, w, C].

    Raises:
        DataError: it cannot be read, or has changed its size.
    """
    pixels = picture(path, shape=photo.shape)
    if taken is not None:
        pixels = in_channels(path, pixels, taken)
    return pixels[None].copy() if fit is None else host_fits.parts(fit, pixels)


def batched(
    purifier: Purifier, group: Group, seed: int, most: int
) -> tuple[BatchedPurifier, int]:
    """The program of a group, and how many parts it takes at once.

    Args:
        most: parts on each device, at most.
    """
    each = group.batch(most)
    devices = jax.local_devices()[: -(-group.parts // each)]
    batch = each * len(devices)
    return fleet.batched_purifier(purifier, seed, batch, devices), batch


def _batches(
    parts: Iterable[tuple[_Opened, int]], batch: int
) -> Iterator[list[tuple[_Opened, int]]]:
    some: list[tuple[_Opened, int]] = []
    for part in parts:
        some.append(part)
        if len(some) == batch:
            yield some
            some = []
    if some:
        yield some


def _filled(
    some: list[tuple[_Opened, int]], batch: int
) -> tuple[np.ndarray, np.ndarray]:
    """The key words and pixels of a batch, filled up with its last part."""
    some = some + some[-1:] * (batch - len(some))
    words = [[one.photo.place, LATER + part if part else 0] for one, part in some]
    return np.array(words, "<u4"), np.stack([one.parts[part] for one, part in some])
