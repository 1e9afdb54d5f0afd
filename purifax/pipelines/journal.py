"""What is known of a folder of purified photos: whose it is, and what is written.

    out/.purify.json   the command's identity; at the end also all checksums
    out/.purify.log    while it works: a line with the checksums of each file and of
                       the photo that it was made from

A line stands in the log before its file appears, and a file appears whole. So a file
whose checksum the log has is done, as long as its photo is the same; one that is there
with another was damaged since, and is made again; one that neither knows is not
touched.
"""

import hashlib
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from purifax.data.files import leftovers, remove, whole, write_once, write_whole
from purifax.fleet.fingerprint import differences
from purifax.run import json_text
from purifax.run.seal import sealed, unsealed

__all__ = ["Journal", "checksum"]

RECORD, LOG = ".purify.json", ".purify.log"


class Journal:
    """The record of one folder, kept by one process.

    Args:
        out: the folder, which exists when anything is written.
        words: the identity of the command, as JSON values.
    """

    def __init__(self, out: pathlib.Path, words: Mapping[str, Any]) -> None:
        self._out, self._words = out, json.loads(json.dumps(words))
        self._sums: dict[str, set[tuple[str, str]]] = {}
        self.other = ""
        if (out / RECORD).exists():
            there = unsealed(out / RECORD)
            files = there.pop("files", {})
            self.other = "; ".join(differences(there, self._words))
            self._sums = {name: {(one, photo)} for name, (one, photo) in files.items()}
            self._read()

    def _read(self) -> None:
        """Add what the log says; a line that was cut short says nothing."""
        log = self._out / LOG
        lines = log.read_bytes().splitlines() if log.exists() else []
        for line in lines:
            try:
                name, one, photo = json_text.parsed(line, str(log), list)
            except ValueError:
                continue
            self._sums.setdefault(name, set()).add((one, photo))

    def begin(self) -> None:
        """Write the identity, unless it stands there; end a line that was cut short."""
        write_once(self._out / RECORD, sealed({**self._words, "files": {}}))
        with open(self._out / LOG, "ab") as log:
            if log.tell():
                log.write(b"\n")

    def state(self, name: str, photo: pathlib.Path | None = None) -> str:
        """One of "absent", "done", "changed", "damaged" and "foreign".

        Args:
            photo: which the file is of; None does not ask for it. If its content is
                another than was purified, the file is "changed".
        """
        path = self._out / name
        if not path.exists():
            return "absent"
        if name not in self._sums:
            return "foreign"
        one = checksum(path)
        known = {pair for pair in self._sums[name] if pair[0] == one}
        if not known:
            return "damaged"
        if photo is not None:
            known &= {(one, checksum(photo))}
        if known:
            self._sums[name] = known
        return "done" if known else "changed"

    def write(self, files: Mapping[str, tuple[bytes, str]]) -> None:
        """Write some files, each whole, after their checksums.

        Args:
            files: by name the content, and the checksum of the photo; "" of none.

        Raises:
            OSError: no space, or no permission; what is written stays so.
        """
        with open(self._out / LOG, "ab") as log:
            for name, (content, photo) in files.items():
                one = _sum(content)
                log.write(json.dumps([name, one, photo]).encode() + b"\n")
                self._sums[name] = {(one, photo)}
            log.flush()
            os.fsync(log.fileno())
        for name, (content, _) in files.items():
            path = self._out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path) as file:
                file.write(content)

    def finish(self, names: Sequence[str]) -> None:
        """Gather all checksums in the identity's file, in the order of their names."""
        files = {name: min(self._sums[name]) for name in sorted(names)}
        write_whole(self._out / RECORD, sealed({**self._words, "files": files}))
        remove(self._out / LOG)

    def clear(self, names: Sequence[str]) -> None:
        """Remove what a killed process left unfinished."""
        folders = {(self._out / name).parent for name in (*names, RECORD)}
        known = {(self._out / name) for name in (*names, RECORD)}
        for folder in folders:
            for name, parts in leftovers(folder).items():
                if folder / name in known:
                    for part in parts:
                        remove(part)


def checksum(path: pathlib.Path) -> str:
    """sha256 of a file."""
    return _sum(path.read_bytes())


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
