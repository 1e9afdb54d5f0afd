"""Work in parts that survive a kill: each part of a job is one file, written whole.

A part that takes long may have a state beside it, from which it is resumed; the state
is removed once the part is there.
"""

import pathlib
from collections.abc import Callable, Mapping

import numpy as np

from purifax.run import npz

__all__ = ["Parts", "joined"]

Arrays = dict[str, np.ndarray]


class Parts:
    """The finished parts of an evaluation, in the folder ``parts`` of its directory.

    Args:
        folder: the work directory; None keeps the parts in memory.
    """

    def __init__(
        self,
        folder: pathlib.Path | None,
        prefix: str = "",
        memory: dict[str, Arrays] | None = None,
    ) -> None:
        self._folder = None if folder is None else folder / "parts"
        self._prefix = prefix
        self._memory: dict[str, Arrays] = {} if memory is None else memory
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)

    def get(self, name: str, make: Callable[[], Mapping[str, np.ndarray]]) -> Arrays:
        """The part of this name, made and written now if it is not there.

        Raises:
            ValueError: the file is there and damaged.
        """
        if not self.has(name):
            self._keep(name, make())
        self._forget(f"{name}.state")
        return self._kept(name)

    def state(self, name: str) -> Arrays | None:
        """The state of an unfinished part, None if there is none.

        Raises:
            ValueError: the file is there and damaged.
        """
        return self._kept(f"{name}.state") if self.has(f"{name}.state") else None

    def keep_state(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Writes the state of an unfinished part in place of the last one."""
        if self._folder is not None:  # a process that ends leaves no memory behind
            self._keep(f"{name}.state", arrays)

    def under(self, prefix: str) -> "Parts":
        """The parts whose names begin with this."""
        folder = None if self._folder is None else self._folder.parent
        return Parts(folder, self._prefix + prefix, self._memory)

    def has(self, name: str) -> bool:
        """Whether the part is finished."""
        if self._folder is None:
            return self._prefix + name in self._memory
        return self._path(name).is_file()

    def _keep(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        if self._folder is None:
            plain = {key: np.asarray(value) for key, value in arrays.items()}
            self._memory[self._prefix + name] = plain
        else:
            plain = {key: np.asarray(value) for key, value in arrays.items()}
            npz.write(self._path(name), plain, self._prefix + name)

    def _kept(self, name: str) -> Arrays:
        if self._folder is None:
            return dict(self._memory[self._prefix + name])
        path = self._path(name)
        try:
            return npz.read(path, self._prefix + name)
        except npz.Damaged as error:
            raise ValueError(
                f"{path} is damaged ({error.words}). Remove it and run the command "
                "again."
            ) from None

    def _forget(self, name: str) -> None:
        if self._folder is not None:
            self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> pathlib.Path:
        assert self._folder is not None
        return self._folder / f"{self._prefix}{name}.npz"


def joined(parts: list[Arrays], rows: int) -> Arrays:
    """The parts one after the other, cut to `rows`; "seconds" is added up."""
    names = [name for name in parts[0] if name != "seconds"]
    whole = {n: np.concatenate([part[n] for part in parts])[:rows] for n in names}
    return whole | {"seconds": np.sum([part["seconds"] for part in parts], axis=0)}
