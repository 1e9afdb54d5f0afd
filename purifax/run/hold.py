"""A work directory is held by one process at a time.

    lock.json    who holds it: machine, process, when it began, and its command

The holder touches the file every half minute. It is taken over when its holder is a
process of this machine that has ended, whoever has its number now; or one of another
machine that has not touched it for ten minutes. Both times are those of the file
server, so that clocks need not agree.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import platform
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

from purifax.data.files import remove, write_once
from purifax.run import json_text, owner
from purifax.run.progress import clock, say

__all__ = ["LASTING", "NAME", "Held", "held"]

NAME = "lock.json"
LASTING = 600.0
"""Seconds without a sign after which a holder on another machine is taken for dead."""

_EVERY = 30.0


class Held(OSError):
    """Another process holds the work directory; nothing in it was touched."""


@contextlib.contextmanager
def held(folder: pathlib.Path) -> Iterator[None]:
    """Within it, `folder` is this process's alone; it is made if it is not there.

    A folder that was made for this, and in which nothing was written, is removed again.

    Raises:
        Held: another process holds it, or took it over meanwhile.
        ValueError: it is a file.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        there = next(p for p in (*reversed(folder.parents), folder) if not p.is_dir())
        raise ValueError(f"{there} is no folder; give another --workdir.") from None
    own = json.dumps(_words()).encode()
    _take(folder, own)
    left = threading.Event()
    signs = threading.Thread(
        target=_give_signs, args=(folder / NAME, own, left), daemon=True
    )
    signs.start()
    try:
        yield
    finally:
        left.set()
        there = _content(folder / NAME)
        if there == own:
            remove(folder / NAME)
        for path in made:
            with contextlib.suppress(OSError):  # something was written there
                path.rmdir()
    if there not in (own, None):
        raise Held(
            f"{folder} was taken over while this process gave no sign of life; what "
            "was written there since may be of both."
        )


def _words() -> dict[str, Any]:
    process = os.getpid()
    return {
        "machine": owner.machine(),
        "node": platform.node(),
        "process": process,
        "started": owner.started(process),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        "command": " ".join(sys.argv)[:200],
        "token": uuid.uuid4().hex,
    }


def _take(folder: pathlib.Path, own: bytes) -> None:
    """Write the lock, in place of one whose holder is dead.

    Raises:
        Held: it is not dead.
    """
    while not write_once(folder / NAME, own):
        there = _content(folder / NAME)
        if there is None:
            continue
        silent = _silence(folder / NAME)
        if not _dead(there, silent):
            raise Held(_refusal(folder, there, silent))
        if _unlock(folder, there):
            say(f"{folder} was held by {_name(there)}, which is dead; taken over.")


def _unlock(folder: pathlib.Path, dead: bytes) -> bool:
    """Remove the lock of a dead holder; of many who see it dead, one does.

    Which one, a file decides that is named after the lock. Who moved the lock away
    without it could move that of a new holder, which a third one would miss.
    """
    mine = folder / f"tmp.{hashlib.sha256(dead).hexdigest()[:32]}.{NAME}"
    if not write_once(mine, json.dumps(_words()).encode()):
        other = _content(mine)
        if other is not None and _dead(other, _silence(mine)):
            remove(mine)
        time.sleep(0.01)
        return False
    try:
        if _content(folder / NAME) != dead:
            return False
        remove(folder / NAME)
        return True
    finally:
        remove(mine)


def _content(path: pathlib.Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _silence(path: pathlib.Path) -> float:
    """Seconds since the holder's last sign, by the clock of the file server."""
    probe = path.with_name(f"tmp.{uuid.uuid4().hex}.{NAME}")
    try:
        probe.touch()
        return probe.stat().st_mtime - path.stat().st_mtime
    except FileNotFoundError:  # it has just been given back
        return 0.0
    finally:
        remove(probe)


def _dead(content: bytes, silent: float) -> bool:
    """Whether the holder has ended; one that cannot be told is judged by its signs."""
    words = _read(content)
    if words.get("machine") != owner.machine():
        return silent > LASTING
    return not owner.alive(words["process"], words["started"])


def _refusal(folder: pathlib.Path, content: bytes, silent: float) -> str:
    return (
        f"{folder} is held by {_name(content)}, whose last sign of life was "
        f"{clock(max(silent, 0.0))} ago. Wait for it, or give another folder; if it is "
        f"surely dead, remove {folder / NAME}."
    )


def _name(content: bytes) -> str:
    """The holder in words."""
    words = _read(content)
    if not words:
        return "an unknown process"
    since, command = words["since"], words["command"]
    return f"process {words['process']} on {words['node']} since {since} ({command})"


def _read(content: bytes) -> dict[str, Any]:
    """What the holder wrote about itself; {} of a damaged lock."""
    try:
        words = json_text.parsed(content, NAME, dict)
    except ValueError:
        return {}
    whole = words.keys() >= _words().keys()
    return words if whole and isinstance(words["process"], int) else {}


def _give_signs(path: pathlib.Path, own: bytes, left: threading.Event) -> None:
    """Touch the lock now and then, as long as it is this process's."""
    while not left.wait(_EVERY):
        with contextlib.suppress(OSError):  # a disk that is away: signs are missing
            if _content(path) != own:
                return
            os.utime(path)
