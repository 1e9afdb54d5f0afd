"""JSON from files: one clear line for text that is damaged, or that means two things.

Python's parser takes what JSON does not have (NaN, Infinity), lets the last of two
equal names win, and runs out of stack on deep text. Here each of these is an error, as
is a file that is no regular one or is far longer than any of ours.
"""

import json
import math
import stat
from typing import Any

__all__ = ["finite", "parsed", "read"]

_DEEPEST = 60
"""Containers in one another; ours have about six."""

_LONGEST = 2**26
"""Bytes; its values take up to twenty times as many."""

_KINDS = {dict: "a dictionary", list: "a list"}


def read(path: Any, kind: type | None = None) -> Any:
    """Read a JSON file.

    Args:
        path: of `pathlib` or `epath`.
        kind: `dict` or `list`, what the file must hold; None is anything.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, too long, or holds something else; the message names
            it.
    """
    found = path.stat()
    if not stat.S_ISREG(getattr(found, "st_mode", None) or stat.S_IFREG):
        raise ValueError(f"{path} is no regular file.")
    size = getattr(found, "st_size", None) or getattr(found, "length", 0)
    if size > _LONGEST:
        raise ValueError(f"{path} has {size:,} bytes; such a file has few.")
    return parsed(path.read_bytes(), str(path), kind)


def parsed(content: bytes | str, name: str, kind: type | None = None) -> Any:
    """The value of JSON text.

    Args:
        name: what an error calls the text, such as its file.
        kind: `dict` or `list`, what it must hold; None is anything.

    Raises:
        ValueError: it is damaged, has a name twice, NaN or a number that is too large,
            lies too deep, or is something else.

    >>> parsed('{"width": 1, "width": 2}', "network.json")
    Traceback (most recent call last):
        ...
    ValueError: network.json is not valid JSON (the name 'width' stands there twice).
    """
    try:
        value = json.loads(
            content,
            object_pairs_hook=_once,
            parse_constant=_no_number,
            parse_float=_finite,
        )
        _shallow(value)
    except RecursionError:
        raise ValueError(f"{name} is not valid JSON (it lies too deep).") from None
    except ValueError as error:
        words = " ".join(str(error).split())
        raise ValueError(f"{name} is not valid JSON ({words}).") from None
    if kind is not None and not isinstance(value, kind):
        found = type(value).__name__
        raise ValueError(f"{name} must hold {_KINDS[kind]}; it holds a {found}.")
    return value


def finite(value: Any) -> Any:
    """The same with None, JSON's null, for numbers that are not finite.

    >>> finite({"loss": math.nan, "steps": (1, 2)})
    {'loss': None, 'steps': [1, 2]}
    """
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    lost = isinstance(value, float) and not math.isfinite(value)
    return None if lost else value


def _shallow(value: Any) -> None:
    """Refuse what later steps, which call themselves, would not come to the end of."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            item
            for one in level
            if isinstance(one, dict | list)
            for item in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise ValueError("it lies too deep")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r:.60} stands there twice")
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"the number {digits:.20} is too large")
    return number
