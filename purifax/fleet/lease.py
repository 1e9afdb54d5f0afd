"""Leases on shards, so that no two workers purify the same one.

A lease names its owner and counts its renewals. It expires when another worker has seen
it unchanged for `lasting` seconds *by that worker's own clock*: no two clocks are ever
compared, so it does not matter how wrong they are. The lease of a dead process on the
same machine expires at once.

Leases only save work; correctness does not depend on them. Two workers that hold the
same lease write the same rows, and a file is only ever written whole.
"""

import json
import os
import time
import uuid
from collections.abc import Callable
from typing import Any

from purifax.data.files import leftovers, place, remove, write_once, write_whole
from purifax.run import json_text, owner

__all__ = ["Leases", "Lost", "identity"]


class Lost(Exception):
    """Another worker has taken the lease over."""


def identity() -> str:
    """A unique name of this process: machine, process number and a random word."""
    return f"{owner.machine()}/{os.getpid()}/{uuid.uuid4().hex[:12]}"


class Leases:
    """The leases of one folder, seen and taken by one worker.

    Args:
        folder: an existing folder.
        owner: a unique name of the worker; see `identity`.
        lasting: seconds after which an unchanged lease expires. It should be longer
            than a batch takes; a shorter time only costs work done twice.
        now: this worker's clock in seconds, which never goes back.

    Raises:
        ValueError: `lasting` is not positive.
    """

    def __init__(
        self,
        folder: Any,
        owner: str | None = None,
        lasting: float = 600.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        if not lasting > 0:
            raise ValueError(f"`lasting` must be more than 0 seconds; got {lasting}.")
        self._folder, self._now, self._lasting = place(folder), now, lasting
        self._owner = owner or identity()
        self._seen: dict[str, tuple[bytes, float]] = {}
        self._renewals: dict[str, tuple[int, float]] = {}

    def claim(self, name: str) -> bool:
        """Take the lease of `name` if it is free or expired.

        Returns whether it was taken.
        """
        path, own = self._folder / name, self._words(0)
        if not write_once(path, own):
            content = self._content(name)
            if content is None or not self._has_expired(name, content):
                return False
            write_whole(path, own)
        if self._content(name) != own:  # another worker took it in the same moment
            return False
        for part in leftovers(self._folder).get(name, []):
            remove(part)
        self._renewals[name] = (0, self._now())
        return True

    def renew(self, name: str) -> None:
        """Renew the lease. Call it often; it writes to the disk only now and then.

        Raises:
            Lost: another worker has taken the lease over.
        """
        count, last = self._renewals[name]
        if self._now() - last < self._lasting / 4:
            return
        if self._content(name) != self._words(count):
            raise Lost(name)
        write_whole(self._folder / name, self._words(count + 1))
        self._renewals[name] = (count + 1, self._now())

    def release(self, name: str) -> None:
        """Give the lease back if this worker still holds it."""
        count, _ = self._renewals.pop(name, (0, 0.0))
        if self._content(name) == self._words(count):
            remove(self._folder / name)

    def _words(self, renewals: int) -> bytes:
        return json.dumps({"owner": self._owner, "renewals": renewals}).encode()

    def _content(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def _has_expired(self, name: str, content: bytes) -> bool:
        known, since = self._seen.get(name, (None, 0.0))
        if known != content:
            self._seen[name] = (content, self._now())
            return _is_gone(content)
        return self._now() - since > self._lasting


def _is_gone(content: bytes) -> bool:
    """Whether the owner was a process of this machine that has ended."""
    try:
        words = json_text.parsed(content, "a lease", dict)
        machine, process, _ = words["owner"].rsplit("/", 2)
        return machine == owner.machine() and not owner.alive(int(process))
    except (ValueError, KeyError, AttributeError):
        return False
