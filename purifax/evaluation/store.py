"""Work in parts that survive a kill: each part of a job is one file, written whole.

A part that takes long may have a state beside it, from which it is resumed; the state
is removed once the part is there.
"""

import os
import pathlib
import zipfile
from collections.abc import Callable, Mapping

import numpy as np

__all__ = ["Parts", "joined"]

Arrays = dict[str, np.ndarray]


class Parts:
    """The finished parts of an evaluation, in the folder ``parts`` of its directory."""

    def __init__(self, folder: pathlib.Path, prefix: str = "") -> None:
        self._folder, self._prefix = folder / "parts", prefix
        self._folder.mkdir(parents=True, exist_ok=True)

    def get(self, name: str, make: Callable[[], Mapping[str, np.ndarray]]) -> Arrays:
        """The part of this name, made and written now if it is not there.

        Raises:
            ValueError: the file is there and damaged.
        """
        path = self._path(name)
        if not path.is_file():
            self._write(path, make())
        self._path(f"{name}.state").unlink(missing_ok=True)
        return _read(path)

    def state(self, name: str) -> Arrays | None:
        """The state of an unfinished part, None if there is none.

        Raises:
            ValueError: the file is there and damaged.
        """
        path = self._path(f"{name}.state")
        return _read(path) if path.is_file() else None

    def keep_state(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Writes the state of an unfinished part in place of the last one."""
        self._write(self._path(f"{name}.state"), arrays)

    def under(self, prefix: str) -> "Parts":
        """The parts whose names begin with this."""
        return Parts(self._folder.parent, self._prefix + prefix)

    def has(self, name: str) -> bool:
        """Whether the part is finished."""
        return self._path(name).is_file()

    def _path(self, name: str) -> pathlib.Path:
        return self._folder / f"{self._prefix}{name}.npz"

    def _write(self, path: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> None:
        part = path.with_name(path.name + ".part")
        with part.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        os.replace(part, path)


def _read(path: pathlib.Path) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is damaged ({error}). Remove it and run the command again."
        ) from None


def joined(parts: list[Arrays], rows: int) -> Arrays:
    """The parts one after the other, cut to `rows`; "seconds" is added up."""
    names = [name for name in parts[0] if name != "seconds"]
    whole = {n: np.concatenate([part[n] for part in parts])[:rows] for n in names}
    return whole | {"seconds": np.sum([part["seconds"] for part in parts], axis=0)}
