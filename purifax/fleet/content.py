"""The content of a source, hashed image by image as it is read.

Names and sizes of files do not tell whether a shard was made from the images that the
source holds now; the hashes in the shard's record do. To compare, the source is read
again.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from purifax.data.examples import Example, Stream, Unreadable
from purifax.fleet.job import Job
from purifax.fleet.record import Record

__all__ = ["Changes", "changes", "hash_of", "hashing"]


@dataclass
class Changes:
    """How the images of a shard differ from those that it was made from.

    Attributes:
        other: in words, the images with another content, label or id.
        readable: those that could not be read then, and can be now.
        lost: those that could be read then, and cannot be now.
    """

    other: list[str] = field(default_factory=list)
    readable: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def hash_of(row: Example) -> str:
    """64 bits of the sha256 of an image with its label, id and further features.

    >>> one = Example(0, np.zeros((2, 2, 1), np.uint8), 4, 7)
    >>> hash_of(one) == hash_of(Example(0, np.zeros((2, 2, 1), np.uint8), 5, 7))
    False
    """
    head = (row.image.shape, row.label, row.id, sorted(row.extras))
    digest = hashlib.sha256(repr(head).encode())
    for array in (row.image, *(row.extras[name] for name in sorted(row.extras))):
        digest.update(
            array if isinstance(array, bytes) else np.asarray(array).tobytes()
        )
    return digest.hexdigest()[:16]


def hashing(
    rows: Iterable[Example | Unreadable], seen: dict[int, str]
) -> Iterator[Example | Unreadable]:
    """The rows, while the hashes of the readable ones are added to `seen`."""
    for row in rows:
        if isinstance(row, Example):
            seen[row.position] = hash_of(row)
        yield row


def changes(job: Job, shard: int, record: Record, stream: Stream) -> Changes:
    """Read a shard's part of the source again and compare it with its record."""
    found = Changes()
    rows = stream.read(job.plan.positions(shard))
    for row, before in zip(rows, record.content, strict=True):
        if isinstance(row, Unreadable):
            if before:
                found.lost.append(row.where)
        elif not before:
            found.readable.append(_named(row))
        elif hash_of(row) != before:
            found.other.append(_named(row))
    return found


def _named(row: Example) -> str:
    """An image in words: its file, or its position."""
    file = row.extras.get("file")
    known = isinstance(file, bytes)
    return file.decode(errors="replace") if known else f"image {row.position}"
