"""Packages that only the bridges need, imported where they are used."""

import importlib
from typing import Any

__all__ = ["library", "pytorch"]


def pytorch() -> Any:
    """PyTorch.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    return library("torch", "install purifax[torch]")


def library(name: str, hint: str) -> Any:
    """A package.

    Raises:
        ModuleNotFoundError: it is not installed; the hint says what to do.

    >>> library("math", "").sqrt(4.0)
    2.0
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ModuleNotFoundError(
            f"this bridge needs {name}, which is not installed: {hint}.", name=name
        ) from error
