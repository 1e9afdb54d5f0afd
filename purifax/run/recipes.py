"""Recipes by name: built-in ones, those of installed packages, and the user's own.

A name is that of a class, whatever its case and underscores ("adp", "bit_depth"), or
"package.module:Name" for an object that may lie anywhere: a recipe's class, a recipe,
or a bare callable. Packages that are installed may declare recipes of their own as
entry points of the group "purifax.purifier", "purifax.attack" or "purifax.poison",
each the name of a module.
"""

import functools
import importlib
import importlib.metadata
import inspect
import pkgutil
from collections.abc import Callable
from types import ModuleType
from typing import Any

from purifax.bridge.networks import is_torch, module_called
from purifax.recipe.kinds import Kind, is_recipe
from purifax.recipe.spelling import nearest

__all__ = ["built", "find", "is_built_in", "known", "listing", "load", "own", "place"]


@functools.cache
def known(kind: Kind) -> dict[str, type]:
    """The recipes of a kind by the names of their classes, sorted.

    Raises:
        ValueError: a package that declares recipes cannot be imported, or declares
            one of a name that is taken.
    """
    package = importlib.import_module(kind.package)
    names = [f"{kind.package}.{m.name}" for m in pkgutil.iter_modules(package.__path__)]
    found = [importlib.import_module(name) for name in names]
    for entry in importlib.metadata.entry_points(group=f"purifax.{kind.word}"):
        found.append(_module(entry.value))
    classes: dict[str, type] = {}
    for cls in (cls for module in found for cls in _declared(module)):
        first = classes.setdefault(cls.__name__.lower(), cls)
        if first is not cls:
            raise ValueError(
                f"{cls.__module__} declares {cls.__name__}, {kind.one} that "
                f"{first.__module__} declares already."
            )
    return {cls.__name__: cls for _, cls in sorted(classes.items())}


def _declared(module: ModuleType) -> list[type]:
    """The recipes that a module declares and makes public."""
    public = getattr(module, "__all__", vars(module))
    things = [getattr(module, name) for name in public if not name.startswith("_")]
    return [
        thing
        for thing in things
        if inspect.isclass(thing)
        and is_recipe(thing)
        and thing.__module__ == module.__name__
        and not thing.__name__ == "Own"
    ]


def find(kind: Kind, name: str) -> Any:
    """The class of a built-in recipe, or whatever "package.module:Name" names.

    Raises:
        ValueError: there is none of this name; the nearest is given.
    """
    if ":" in name:
        return load(name)
    if not is_built_in(kind, name):
        words = [word.lower() for word in known(kind)]
        raise ValueError(f"no {kind.word} is named {name!r}{nearest(name, words)}")
    return {_plain(word): cls for word, cls in known(kind).items()}[_plain(name)]


def is_built_in(kind: Kind, name: str) -> bool:
    """Whether a built-in recipe of a kind has this name."""
    return _plain(name) in map(_plain, known(kind))


def own(kind: Kind, name: str, call: Callable[..., Any]) -> Any:
    """The recipe that stands for a bare callable of the user's: the kind's `Own`.

    Args:
        call: of a purifier it may be a torch module, or build one without arguments.

    Raises:
        ValueError: it cannot be called as the kind's callables are.
    """
    made = module_called(built(call), kind.word)
    if not callable(made):  # it builds nothing, and is judged as it stands
        made = call
    _check_call(kind, name, made)
    module = importlib.import_module(f"{kind.package}.own")
    return module.Own(name, made)


def built(found: Callable[..., Any]) -> Any:
    """What a function or class without required arguments makes; others are returned.

    >>> built(lambda: "made"), built(abs) is abs
    ('made', True)
    """
    if is_torch(found):  # whose signature, (*args), is of any number of them
        return found
    try:
        known = inspect.signature(found).parameters.values()
    except ValueError:
        return found
    return found if any(p.default is p.empty for p in known) else found()


def _check_call(kind: Kind, name: str, call: Callable[..., Any]) -> None:
    """Refuse a callable of other arguments, or of the same in another order."""
    try:
        found = inspect.signature(call)
    except (TypeError, ValueError):  # some of C have none
        return
    parameters = list(found.parameters.values())
    asked = [p.name for p in parameters if p.default is p.empty and p.name in kind.asks]
    by_place = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    pairs = zip(by_place, kind.call, strict=False)
    swapped = any(one != other and one in kind.call for one, other in pairs)
    try:
        found.bind(*kind.call, **dict.fromkeys(asked))
    except TypeError:
        swapped = True
    if swapped:
        more = f", and by name {', '.join(kind.asks)} if it asks" if kind.asks else ""
        raise ValueError(
            f"{name} takes {found}; {kind.one} of your own is called as "
            f"({', '.join(kind.call)}) -> {kind.gives}{more}."
        )


def place(cls: type) -> str:
    """The name by which `find` finds a recipe's class again.

    >>> from purifax.recipe.kinds import Kind
    >>> place(Kind)
    'Kind'
    """
    if cls.__module__.partition(".")[0] == "purifax":
        return cls.__name__
    return f"{cls.__module__}:{cls.__qualname__}"


def load(name: str) -> Any:
    """The object that "package.module:Name" names; the module is imported.

    Raises:
        ValueError: the module cannot be imported or has no such name.
    """
    place, _, attribute = name.partition(":")
    found: Any = _module(place)
    for part in attribute.split("."):
        if not hasattr(found, part):
            public = [word for word in dir(found) if not word.startswith("_")]
            raise ValueError(f"{place} has no {attribute}{nearest(part, public)}")
        found = getattr(found, part)
    return found


def _module(place: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except Exception as error:  # a user's module may raise anything
        kind = type(error).__name__
        raise ValueError(f"{place} cannot be imported: {kind}: {error}") from error


def listing(kind: Kind) -> str:
    """One line for each recipe of a kind: its name and what it is."""
    rows = {name.lower(): _first_line(cls) for name, cls in known(kind).items()}
    wide = max(map(len, rows), default=0)
    return "\n".join(f"{name:{wide}}  {line}" for name, line in rows.items())


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
