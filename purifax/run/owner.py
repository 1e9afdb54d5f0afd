"""Which process of which machine: names that tell whether it still runs."""

import contextlib
import os
import platform
import re
from pathlib import Path

__all__ = ["alive", "machine", "started"]

_ENDED = "ZX"
"""States of a process that has ended, though its parent has not noticed."""


def machine() -> str:
    """A name of this machine, its boot, and its process namespace."""
    known = [platform.node()]
    with contextlib.suppress(OSError):
        known.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        known.append(os.readlink("/proc/self/ns/pid"))
    return re.sub(r"[^\w.-]", "", ".".join(known))


def started(process: int) -> str:
    """When a process of this machine began, in ticks since the boot; "" if unknown."""
    return _stat(process)[1]


def alive(process: int, since: str = "") -> bool:
    """Whether a process of this machine runs, and is the one that began `since`.

    >>> alive(os.getpid(), started(os.getpid()))
    True
    """
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # it runs, for another user
    state, now = _stat(process)
    return state not in _ENDED and (not since or not now or now == since)


def _stat(process: int) -> tuple[str, str]:
    """The state of a process and when it began, as Linux tells them; else a blank."""
    try:
        words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return " ", ""
    return words[0], words[19]
