"""What is recorded of each written file, and whether the file is still that.

    out/records/00003-of-00008.<sha256>         a shard
    out/records/description.<sha256>            the files that describe the set
    out/records/<name>.npz.<sha256>             the set as one .npz

A record appears before its file and is named by the file's checksum. So a worker that
is killed in between leaves a record of no file, and no file without a record; and of
two workers that write one shard at once, each leaves its record, of which that of the
file that came first is found. The record itself ends with a checksum.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from purifax.data.examples import Unreadable
from purifax.data.files import TEMPORARY, listed, place, write_whole
from purifax.fleet.job import Job
from purifax.run.seal import checksum, sealed, unsealed

__all__ = ["Damaged", "Record", "checked", "hashed", "kept", "known", "recorded"]

BLOCK = 1 << 20


class Damaged(ValueError):
    """A file is not the one that was recorded; the message says what is wrong."""


@dataclass(frozen=True)
class Record:
    """What is known of a shard.

    Attributes:
        content: of each of its images in the source, in order, a hash of what was read;
            "" for an unreadable one.
        unreadable: the images that it lacks, as `left_out` gives them.
    """

    content: tuple[str, ...]
    unreadable: tuple[Mapping[str, Any], ...]


def hashed(path: Any) -> str:
    """sha256 of a file on a disk or in a store, which is read through.

    Raises:
        Damaged: it is missing, or cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with place(path).open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
    except FileNotFoundError:
        raise Damaged("it is missing") from None
    except OSError as error:
        raise Damaged(f"it cannot be read ({error})") from error
    return digest.hexdigest()


def recorded(
    job: Job,
    shard: int,
    content: bytes,
    seen: Mapping[int, str],
    unreadable: Sequence[Unreadable],
) -> None:
    """Record a shard that is about to be written.

    Args:
        content: of the shard's file.
        seen: by position, the hashes of the images that were read.
        unreadable: the images that it lacks.
    """
    rows = sorted(unreadable, key=lambda row: row.position)
    words = {
        "content": [seen.get(n, "") for n in job.plan.positions(shard)],
        "unreadable": [asdict(row) for row in rows],
    }
    kept(job, job.plan.name(shard), hashlib.sha256(content).hexdigest(), words)


def kept(job: Job, name: str, sha256: str, words: Mapping[str, Any]) -> None:
    """Write the record of a file with this checksum."""
    of = {"job": checksum(job.words()), "file": f"{name}.{sha256}"}
    write_whole(job.records / f"{name}.{sha256}", sealed({**of, **words}))


def known(job: Job, name: str) -> list[dict[str, Any]]:
    """All sound records of a name, whose files may not exist.

    Each has its file's checksum as "sha256".
    """
    found = []
    for path in listed(job.records):
        stem, _, sha256 = path.name.rpartition(".")
        if stem == name and not path.name.startswith(TEMPORARY):
            try:
                found.append({**_words(job, name, sha256), "sha256": sha256})
            except Damaged:
                continue  # what it recorded is named as lacking a record
    return found


def checked(job: Job, shard: int) -> Record:
    """The record of a shard whose file is the one that was written.

    Raises:
        Damaged: the file is missing, damaged, another's, or has no record.
    """
    sha256, name = hashed(job.shard(shard)), job.plan.name(shard)
    words = _words(job, name, sha256)
    return Record(tuple(words["content"]), tuple(words["unreadable"]))


def _words(job: Job, name: str, sha256: str) -> dict[str, Any]:
    """The words of one record.

    Raises:
        Damaged: there is none, or it is damaged or another job's.
    """
    try:
        words = unsealed(job.records / f"{name}.{sha256}")
    except FileNotFoundError:
        raise Damaged("no record has its checksum: it was changed") from None
    except (OSError, ValueError):
        raise Damaged("its record is damaged") from None
    if words.pop("file", None) != f"{name}.{sha256}":
        raise Damaged("its record is damaged")
    if words.pop("job", None) != checksum(job.words()):
        raise Damaged(f"it was recorded by another job than {job.file.name}")
    return words
