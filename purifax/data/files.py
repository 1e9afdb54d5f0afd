"""Files that appear whole or not at all, on a disk or in an object store.

A reader never sees half a file: on a disk the content goes to a temporary file beside
it, is flushed to the device, and takes the name in one step; an object store shows an
object when all of it has arrived.
"""

import os
import uuid
from typing import Any

from etils import epath

__all__ = ["TEMPORARY", "is_remote", "place", "write_whole"]

TEMPORARY = "tmp."
"""How the names of unfinished files begin; no reader looks at such a file."""


def place(path: Any) -> epath.Path:
    """A path on a disk or in a store (`gs://`, `s3://`), from text or another path.

    >>> place("gs://bucket/sets").name
    'sets'
    """
    return epath.Path(path)


def is_remote(path: Any) -> bool:
    """Whether a path is in an object store rather than on a disk.

    >>> is_remote("gs://bucket/sets"), is_remote("/data/sets")
    (True, False)
    """
    return "://" in os.fspath(path)


def write_whole(path: Any, content: bytes) -> None:
    """Writes a file, replacing one of the same name in a single step.

    Two writers of the same content may do so at once: either is then complete.

    Raises:
        OSError: no room, or no permission; nothing is left behind.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(f"{folder}/x", b"abc")
    ...     [(p.name, p.read_bytes()) for p in place(folder).iterdir()]
    [('x', b'abc')]
    """
    path = place(path)
    if is_remote(path):
        path.write_bytes(content)
        return
    part = path.with_name(f"{TEMPORARY}{uuid.uuid4().hex}.{path.name}")
    try:
        with open(part, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _flush_names(path.parent)


def _flush_names(folder: epath.Path) -> None:
    """Makes a new name survive a power cut, where the system can."""
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(opened)
    except OSError:
        pass  # some network disks cannot; the file itself is safe
    finally:
        os.close(opened)
