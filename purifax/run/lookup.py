"""Configs and protocols, found by name or by path.

A config is what a function without arguments returns, and a protocol is a function of a
config. They live in a package beside their commands, one module or one folder of
modules for each data set: function `dsm` of ``configs/cifar10.py``, or of any module in
the folder ``configs/cifar10``, is the config `cifar10_dsm`. A function that is called
`config` has the name of its module alone. A module may set ``PREFIX = ""`` if the
names of its functions are already complete.

Names, types and descriptions are read from syntax trees, so a broken file spoils
nothing but itself. Only the module that is asked for is imported. A file anywhere else
is named by its path, ``mine.py`` or ``mine.py:function``.
"""

import importlib
import importlib.util
import pathlib
import re
import sys
import traceback
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from purifax.recipe.spelling import nearest
from purifax.run import trees
from purifax.run.errors import UsageError
from purifax.run.trees import Broken, Function, first_line

__all__ = ["Entry", "Shelf", "configs", "protocols", "stem"]

_PATH = re.compile(r"(.*\.py)(?::(\w*))?")


def configs(package: str) -> "Shelf":
    """The configs beside the commands of a package, such as "mylab"."""
    return Shelf(_beside(package, "configs"), "config")


def protocols(package: str = "") -> "Shelf":
    """The published protocols, and those beside the commands of a package."""
    packages = ("purifax.evaluation.protocols", *_beside(package, "protocols"))
    return Shelf(packages, "protocol", arguments=1)


def _beside(package: str, name: str) -> tuple[str, ...]:
    return (f"{package}.{name}",) if package else ()


def stem(name: str) -> str:
    """What a config is called in a work directory's name.

    >>> stem("cifar10_dsm"), stem("there/mine.py"), stem("mine.py:small")
    ('cifar10_dsm', 'mine', 'mine_small')
    """
    split = _PATH.fullmatch(name)
    if split is None:
        return name
    file = pathlib.Path(split[1]).stem
    return (
        file if split[2] in (None, "", "config", "protocol") else f"{file}_{split[2]}"
    )


@dataclass(frozen=True)
class Entry:
    """One named function.

    Attributes:
        name: by which it is found.
        file: in which it stands.
        module: the dotted name of that file.
        function: what its file says of it.
        line: the first line of its description.
    """

    name: str
    file: pathlib.Path
    module: str
    function: Function
    line: str


@dataclass(frozen=True)
class Shelf:
    """Packages of named functions. Without any, paths alone are known.

    Attributes:
        packages: their dotted names; one that does not exist is left out.
        word: what one function is called, and the default name of a function in a
            file that is named by its path.
        arguments: how many arguments such a function takes.
    """

    packages: tuple[str, ...]
    word: str
    arguments: int = 0

    def names(self, kinds: Sequence[type] = ()) -> list[str]:
        """All names, sorted; those only which may be one of `kinds`, if given."""
        return [entry.name for entry in self._of(kinds)]

    @property
    def entries(self) -> list[Entry]:
        """All functions, sorted by their names."""
        return self._read[0]

    def listing(self, kinds: Sequence[type] = ()) -> str:
        """One line for each name with its description, and one for each broken file."""
        rows = {entry.name: entry.line for entry in self._of(kinds)}
        for file, why in self._read[1].items():
            rows["/".join(file) + ".py"] = f"broken: {why}"
        wide = max(map(len, rows), default=0)
        return "\n".join(f"{name:{wide}}  {line}" for name, line in rows.items())

    def find(self, name: str, kinds: Sequence[type] = (), *given: Any) -> Any:
        """What the function of this name or path returns.

        Args:
            kinds: types that are accepted; all, if none are named.
            given: the arguments of the function.

        Raises:
            UsageError: there is no such function, its file is broken, it fails, or it
                returns another type.
        """
        split = _PATH.fullmatch(name)
        if split is not None:
            file = pathlib.Path(split[1])
            function = self._in_file(file, split[2] or self.word)
        else:
            entry = self._entry(name, kinds)
            file = entry.file
            self._check(name, entry.function.returns, kinds)
            module = _blaming(file, importlib.import_module, entry.module)
            function = getattr(module, entry.function.name)
        made = _blaming(file, function, *given)
        if kinds and not isinstance(made, tuple(kinds)):
            self._check(name, type(made).__name__, kinds)
        return made

    def _check(self, name: str, got: str, kinds: Sequence[type]) -> None:
        """Refuses a type by its name; "" passes, for it is not known yet."""
        accepted = [kind.__name__ for kind in kinds]
        if not kinds or got in ("", *accepted):
            return
        known = ", ".join(self.names(kinds))
        wanted = " or ".join(accepted) + (f": {known}" if known else "")
        raise UsageError(f"{name} is of type {got}; this command takes {wanted}.")

    def _entry(self, name: str, kinds: Sequence[type]) -> Entry:
        entries, broken = self._read
        found = [entry for entry in entries if entry.name == name]
        if len(found) > 1:
            places = " and ".join(str(entry.file) for entry in found)
            raise UsageError(f"two functions are named {name}: in {places}.")
        if found:
            return found[0]
        for (module, *_), why in broken.items():
            if name.startswith(module):
                raise UsageError(f"{name} cannot be found: {why}")
        known = self.names(kinds)
        hint = (
            nearest(name, known) if known else f"; give a path, --{self.word}=PATH.py."
        )
        raise UsageError(f"no {self.word} is named {name!r}{hint}")

    def _in_file(self, path: pathlib.Path, name: str) -> Callable[..., Any]:
        """The function of a file that lies anywhere."""
        if not path.is_file():
            raise UsageError(f"there is no {self.word} file {path}.")
        module = _blaming(path, _imported, path, f"_{self.word}_{path.stem}")
        function = getattr(module, name, None)
        if not callable(function):
            names = [f"{path}:{f.name}" for f in trees.read(path).functions]
            hint = nearest(f"{path}:{name}", names) if names else "."
            raise UsageError(f"{path} has no function {name}(){hint}")
        return function

    def _of(self, kinds: Sequence[type]) -> list[Entry]:
        accepted = {"", *(kind.__name__ for kind in kinds)}
        return [e for e in self.entries if not kinds or e.function.returns in accepted]

    @cached_property
    def _read(self) -> tuple[list[Entry], dict[tuple[str, ...], str]]:
        """All entries by their names, and the reason for each broken file."""
        entries: list[Entry] = []
        broken: dict[tuple[str, ...], str] = {}
        for package, file, parts in self._files():
            try:
                module = trees.read(file)
            except Broken as error:
                broken[parts] = f"{error}"
                continue
            prefix = module.texts.get("PREFIX", parts[0])
            dotted = ".".join((package, *parts))
            for function in module.functions:
                if function.needs == self.arguments:
                    alone = function.name == self.word
                    ends = (prefix, "" if alone else function.name)
                    name = "_".join(filter(None, ends))
                    line = first_line((alone and module.doc) or function.doc)
                    entries.append(Entry(name, file, dotted, function, line))
        return sorted(entries, key=lambda entry: entry.name), broken

    def _files(self) -> Iterator[tuple[str, pathlib.Path, tuple[str, ...]]]:
        """The package and file of each module, and the parts of its name inside."""
        for package in self.packages:
            for root in _folders(package):
                inside = [*root.glob("[a-z]*.py"), *root.glob("[a-z]*/[a-z]*.py")]
                for file in sorted(inside):
                    yield package, file, file.relative_to(root).with_suffix("").parts


def _folders(package: str) -> list[pathlib.Path]:
    """Where the modules of a package are; nowhere if there is none."""
    try:
        spec = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        return []
    places = spec.submodule_search_locations if spec else None
    return list(map(pathlib.Path, places or ()))


def _imported(path: pathlib.Path, name: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look up their annotations
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _blaming(file: pathlib.Path, function: Callable[..., Any], *given: Any) -> Any:
    """Calls `function`; whatever it raises becomes one line that names the file.

    Raises:
        UsageError: it raised anything.
    """
    try:
        return function(*given)
    except UsageError:
        raise
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        place = f"{error.filename or file}{line}"
        raise UsageError(f"{place}: SyntaxError: {error.msg}") from error
    except (Exception, SystemExit) as error:  # a user's file may raise anything
        here, frames = file.resolve(), traceback.extract_tb(error.__traceback__)
        lines = [f.lineno for f in frames if pathlib.Path(f.filename).resolve() == here]
        place = f"{file}, line {lines[-1]}" if lines else f"{file}"
        raise UsageError(f"{place}: {type(error).__name__}: {error}") from error
