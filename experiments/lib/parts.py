"""Work in parts that survive a kill: each part of a job is one file, written whole."""

import os
import pathlib
from collections.abc import Callable, Mapping

import numpy as np

__all__ = ["Parts", "joined"]

Arrays = dict[str, np.ndarray]


class Parts:
    """The finished parts of an evaluation, in the folder ``parts`` of its directory."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder / "parts"
        self._folder.mkdir(parents=True, exist_ok=True)

    def get(self, name: str, make: Callable[[], Mapping[str, np.ndarray]]) -> Arrays:
        """The part of this name, made and written now if it is not there.

        Raises:
            ValueError: the file is there and damaged.
        """
        path = self._folder / f"{name}.npz"
        if not path.is_file():
            self._write(path, make())
        try:
            with np.load(path, allow_pickle=False) as stored:
                return {key: stored[key] for key in stored.files}
        except (ValueError, OSError, EOFError) as error:
            raise ValueError(
                f"{path} is damaged ({error}). Remove it and run the command again."
            ) from None

    def has(self, name: str) -> bool:
        """Whether the part is finished."""
        return (self._folder / f"{name}.npz").is_file()

    def _write(self, path: pathlib.Path, arrays: Mapping[str, np.ndarray]) -> None:
        part = path.with_name(path.name + ".part")
        with part.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        os.replace(part, path)


def joined(parts: list[Arrays], rows: int) -> Arrays:
    """The parts one after the other, cut to `rows`; "seconds" is added up."""
    names = [name for name in parts[0] if name != "seconds"]
    whole = {n: np.concatenate([part[n] for part in parts])[:rows] for n in names}
    return whole | {"seconds": np.sum([part["seconds"] for part in parts], axis=0)}
