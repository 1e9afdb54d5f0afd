"""Files that appear whole or not at all, on a disk or in an object store.

A reader never sees half a file. On a disk the content goes to a temporary file in the
same folder, is flushed to the device, and is renamed in one step; an object store shows
an object only when all of it has arrived.
"""

import contextlib
import errno
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from typing import IO, Any

from etils import epath

__all__ = [
    "TEMPORARY",
    "is_remote",
    "leftovers",
    "listed",
    "place",
    "remove",
    "size",
    "whole",
    "write_once",
    "write_whole",
]

TEMPORARY = "tmp."
"""Prefix of the names of unfinished files, which no reader opens."""

NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV)
"""Errors of file systems without hard links."""

TRIES = 5
"""Attempts at a file whose temporary file another worker removes as a leftover."""


def place(path: Any) -> epath.Path:
    """A path on a disk or in a store (`gs://`, `s3://`), from text or another path.

    Raises:
        ValueError: no such kind of store is known.

    >>> place("gs://bucket/sets").name
    'sets'
    """
    try:
        return epath.Path(path)
    except KeyError as unknown:
        raise ValueError(
            f"{path} begins with {unknown}, which is unknown; give a path on a disk, "
            "or in a store: gs:// or s3://."
        ) from None


def is_remote(path: Any) -> bool:
    """Whether a path is in an object store rather than on a disk.

    >>> is_remote("gs://bucket/sets"), is_remote("/data/sets")
    (True, False)
    """
    return "://" in os.fspath(path)


def write_whole(path: Any, content: bytes) -> None:
    """Write a file, replacing an existing one in a single step.

    With two writers at once, the file is wholly that of one of them.

    Raises:
        OSError: no space, or no permission; nothing is left behind.

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
    _take(path, content, os.replace)


@contextlib.contextmanager
def whole(path: Any) -> Iterator[IO[bytes]]:
    """Open a file to be written in parts; it replaces an existing one at the end.

    For a store, the content is collected on the disk first. After an error no file is
    written.

    Raises:
        OSError: no space, or no permission.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole(f"{folder}/x") as file:
    ...         written = [file.write(part) for part in (b"ab", b"c")]
    ...     place(f"{folder}/x").read_bytes()
    b'abc'
    """
    path = place(path)
    if is_remote(path):
        with tempfile.TemporaryFile() as file:
            yield file
            file.seek(0)
            with path.open("wb") as store:
                shutil.copyfileobj(file, store)
        return
    part = path.with_name(f"{TEMPORARY}{uuid.uuid4().hex}.{path.name}")
    try:
        with open(part, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        remove(part)
    _flush_names(path.parent)


def write_once(path: Any, content: bytes) -> bool:
    """Write a file unless it exists; of several writers at once, one succeeds.

    On object stores and disks without hard links, existence is checked before writing,
    so that two writers at the same moment may both succeed.

    Returns:
        Whether this call wrote the file.

    Raises:
        OSError: no space, or no permission; nothing is left behind.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [write_once(f"{folder}/x", content) for content in (b"a", b"b")]
    [True, False]
    """
    path = place(path)
    if path.exists():
        return False
    if is_remote(path):
        path.write_bytes(content)
        return True
    try:
        _take(path, content, _name)
    except FileExistsError:
        return False
    return True


def remove(path: Any) -> None:
    """Remove a file if it exists."""
    with contextlib.suppress(FileNotFoundError):
        if is_remote(path):
            place(path).unlink()
        else:
            os.unlink(path)


def size(path: Any) -> int:
    """The bytes of a file.

    On a disk epath would ask for the name of its owner, who may have none.
    """
    path = place(path)
    return path.stat().length if is_remote(path) else os.stat(path).st_size


def listed(folder: Any) -> list[epath.Path]:
    """The files in a folder now; none where the folder does not exist.

    A store has no empty folders. Clients of stores cache listings; here the store is
    asked each time.

    >>> listed("/nowhere")
    []
    """
    folder = place(folder)
    try:
        if is_remote(folder):
            return [folder / name for name in _names(os.fspath(folder))]
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _names(folder: str) -> list[str]:
    import fsspec

    protocol, _, _ = folder.partition("://")
    store = fsspec.filesystem(protocol, use_listings_cache=False)
    names = (path.rpartition("/")[2] for path in store.ls(folder, detail=False))
    return [name for name in names if name]


def leftovers(folder: Any) -> dict[str, list[epath.Path]]:
    """Unfinished files in a folder, by the names of the files they were to become.

    A writer may still be writing them.

    >>> leftovers("/nowhere")
    {}
    """
    found: dict[str, list[epath.Path]] = {}
    for path in listed(folder):
        if path.name.startswith(TEMPORARY):
            _, _, name = path.name.removeprefix(TEMPORARY).partition(".")
            found.setdefault(name, []).append(path)
    return found


@contextlib.contextmanager
def _beside(path: epath.Path, content: bytes) -> Iterator[epath.Path]:
    """A temporary file with the content, flushed to the device; removed at the end."""
    part = path.with_name(f"{TEMPORARY}{uuid.uuid4().hex}.{path.name}")
    try:
        with open(part, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield part
    finally:
        remove(part)


def _take(
    path: epath.Path, content: bytes, give: Callable[[epath.Path, epath.Path], None]
) -> None:
    """Write a temporary file and rename it; retry if another worker removed it."""
    for left in reversed(range(TRIES)):
        with _beside(path, content) as part:
            try:
                give(part, path)
                break
            except FileNotFoundError:
                if not left:
                    raise
    _flush_names(path.parent)


def _name(part: epath.Path, path: epath.Path) -> None:
    """Give a file a second name, unless that name exists."""
    try:
        os.link(part, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        if path.exists():
            raise FileExistsError(path) from None
        os.replace(part, path)


def _flush_names(folder: epath.Path) -> None:
    """Flush the names in a folder, so that they survive a power cut where possible."""
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
