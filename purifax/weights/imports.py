"""Imports of the code that a work directory names, with the user's trust alone.

A network from outside purifax is stored as arrays and the name of the code that makes a
network of them, "package.module:name". Loading it imports the module and runs that
code, so the folder of a stranger could run anything. Therefore nothing is imported
unless the caller trusts the module, by `trust=` in a call or by `trust` for the whole
process.
"""

from collections.abc import Sequence
from typing import Any

from purifax.run import recipes

__all__ = ["place_of", "trust", "trusted"]

_TRUSTED: set[str] = set()


def trust(*modules: str) -> None:
    """Trust modules for the rest of this process.

    Commands call it with the modules of ``--trust``. In a library or a notebook,
    `trust=` of `weights.load` is better: it holds for one call. Trust cannot be taken
    back, and says nothing to other processes.

    Args:
        modules: such as "package.module"; a package stands for all modules in it.
    """
    _TRUSTED.update(modules)


def trusted(place: str, modules: Sequence[str] | str = (), folder: Any = None) -> Any:
    """The object of a trusted module: a class or a function.

    Args:
        place: "package.module:name".
        modules: trusted for this call, beside those of `trust`.
        folder: where the place was read, for the error.

    Raises:
        ValueError: the module is not trusted, in which case nothing was imported; it
            cannot be imported; or it has no such name.

    >>> trusted("math:sqrt", "math")(9)
    3.0
    """
    module = place.partition(":")[0]
    names = {modules} if isinstance(modules, str) else set(modules)
    if not any(f"{module}.".startswith(f"{one}.") for one in names | _TRUSTED if one):
        where = f"{folder} holds" if folder else "This is"
        raise ValueError(
            f"{where} a network of the module {module}, which is not part of purifax, "
            "and loading it runs the code of that module. If you trust it, give "
            f"--trust={module} on the command line, or trust={module!r} in Python."
        )
    return recipes.load(place)


def place_of(thing: Any) -> str:
    """The "package.module:name" by which another process finds a class or function.

    Raises:
        ValueError: no other process can import it.

    >>> import json
    >>> place_of(json.loads)
    'json:loads'
    """
    module = getattr(thing, "__module__", None)
    name = getattr(thing, "__qualname__", None)
    if not module or not name:
        raise ValueError(f"{thing!r:.60} has no name by which it could be imported.")
    if module == "__main__" or "<" in name:
        raise ValueError(
            f"{name} is defined in a script, a notebook or a function, where no other "
            "program can import it; move it to the top level of a module."
        )
    place = f"{module}:{name}"
    if recipes.load(place) is not thing:
        raise ValueError(f"{place} is another object now; was its module reloaded?")
    return place
