"""Named files: configs and protocols, found by name or by path.

A file ``<name>.py`` has a docstring, whose first line is shown in lists, and a function
called as its shelf: ``config()``, ``protocol(config)``.
"""

import importlib
import importlib.util
import pathlib
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from purifax.recipe import nearest
from purifax.run.errors import UsageError

__all__ = ["CONFIGS", "PROTOCOLS", "Shelf"]


@dataclass(frozen=True)
class Shelf:
    """A package of named files.

    Attributes:
        word: what one file is called, and the function it has.
    """

    name: str
    word: str

    def names(self) -> list[str]:
        """All names, sorted."""
        folder = pathlib.Path(self._package().__path__[0])
        return sorted(path.stem for path in folder.glob("[a-z]*.py"))

    def get(self, name: str, known: Sequence[str] | None = None) -> Callable[..., Any]:
        """The function of the file of this name or path.

        Args:
            known: the names worth suggesting instead of a wrong one.

        Raises:
            UsageError: there is none, or it cannot be imported.
        """
        if name.endswith(".py"):
            module = self._from_path(pathlib.Path(name))
        elif name in self.names():
            module = self._named(name)
        else:
            hint = nearest(name, self.names() if known is None else known)
            raise UsageError(f"no {self.word} is named {name!r}{hint}")
        if not hasattr(module, self.word):
            raise UsageError(f"{name} has no function {self.word}().")
        return getattr(module, self.word)

    def listing(self, names: Sequence[str]) -> str:
        """One line for each: its name and the first line of its docstring."""
        wide = max(map(len, names), default=0)
        docs = {name: (self._named(name).__doc__ or "").strip() for name in names}
        return "\n".join(
            f"{name:{wide}}  {docs[name].partition(chr(10))[0]}" for name in names
        )

    def _package(self) -> types.ModuleType:
        return importlib.import_module(self.name)

    def _named(self, name: str) -> types.ModuleType:
        return importlib.import_module(f"{self.name}.{name}")

    def _from_path(self, path: pathlib.Path) -> types.ModuleType:
        """Imports a file that lies anywhere."""
        if not path.is_file():
            raise UsageError(f"there is no {self.word} file {path}.")
        name = f"_{self.word}_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise UsageError(f"{path} cannot be imported.")
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            kind = type(error).__name__
            raise UsageError(f"{path} failed to import: {kind}: {error}") from error
        return module


CONFIGS = Shelf("experiments.configs", "config")
PROTOCOLS = Shelf("purifax.evaluation.protocols", "protocol")
