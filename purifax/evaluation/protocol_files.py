"""A protocol by name, or by the path of a file."""

import importlib
import importlib.util
import pathlib
import pkgutil
from collections.abc import Callable
from typing import Any

from purifax.recipe import nearest

__all__ = ["known", "protocol"]

_PACKAGE = "purifax.evaluation.protocols"


def known() -> list[str]:
    """The names of the protocols that come with the package."""
    package = importlib.import_module(_PACKAGE)
    return sorted(found.name for found in pkgutil.iter_modules(package.__path__))


def protocol(name: str) -> Callable[[Any], Any]:
    """The function `protocol(config) -> config` of a name or a path.

    Args:
        name: of a protocol here, or "path.py" or "path.py:function".

    Raises:
        ValueError: there is none, or its file cannot be imported.
    """
    path, _, function = name.partition(":")
    if path.endswith(".py"):
        module = _from_path(pathlib.Path(path))
    elif name in known():
        module = importlib.import_module(f"{_PACKAGE}.{name}")
    else:
        raise ValueError(f"no protocol is named {name!r}{nearest(name, known())}")
    word = function or "protocol"
    if not callable(getattr(module, word, None)):
        raise ValueError(f"{path} has no function {word}(config).")
    return getattr(module, word)


def _from_path(path: pathlib.Path) -> Any:
    """Imports a file that lies anywhere."""
    if not path.is_file():
        raise ValueError(f"there is no protocol file {path}.")
    spec = importlib.util.spec_from_file_location(f"_protocol_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a user's file may raise anything
        kind = type(error).__name__
        raise ValueError(f"{path} failed to import: {kind}: {error}") from error
    return module
