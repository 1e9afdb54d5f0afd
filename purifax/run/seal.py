"""JSON files that hold a checksum of their own words, by which damage is noticed."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from purifax.run import json_text

__all__ = ["checksum", "opened", "sealed", "unsealed"]

SEAL = "checksum"


def checksum(words: Mapping[str, Any]) -> str:
    """sha256 of words of JSON, in whatever order they stand.

    >>> checksum({"a": 1, "b": (2,)}) == checksum({"b": [2], "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


def sealed(words: Mapping[str, Any]) -> bytes:
    """The content of a JSON file of these words and of their checksum.

    Raises:
        ValueError: a number in them is not finite.
    """
    for name, value in words.items():
        try:
            json.dumps(value, allow_nan=False)
        except ValueError:
            raise ValueError(
                f"{name} has a number that is not finite, which JSON cannot hold: "
                f"{value!r:.200}."
            ) from None
    return (json.dumps({**words, SEAL: checksum(words)}, indent=2) + "\n").encode()


def unsealed(path: Any) -> dict[str, Any]:
    """The words of a file that `sealed` made.

    Args:
        path: of `pathlib` or `epath`.

    Raises:
        ValueError: the file has been damaged or changed.
        FileNotFoundError: there is none.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = pathlib.Path(folder, "x").write_bytes(sealed({"seed": 0}))
    ...     unsealed(pathlib.Path(folder, "x"))
    {'seed': 0}
    """
    try:
        words = json_text.read(path, dict)
        right = words.pop(SEAL) == checksum(words)
    except (ValueError, KeyError) as error:
        raise ValueError(f"{path} is damaged ({error}).") from None
    if not right:
        raise ValueError(f"{path} is damaged (its own checksum is another).")
    return words


def opened(path: Any, words: dict[str, Any]) -> dict[str, Any]:
    """The words that were read from a file, without their checksum, if they have one.

    Files that were written by an earlier version, or by hand, have none.

    Raises:
        ValueError: the checksum is that of other words.

    >>> opened("network.json", {"role": "score"})
    {'role': 'score'}
    """
    rest = {name: value for name, value in words.items() if name != SEAL}
    if SEAL in words and words[SEAL] != checksum(rest):
        raise ValueError(
            f"{path} is damaged: its `{SEAL}` is that of other content. Restore it "
            f"from a copy; if it was changed on purpose, remove its `{SEAL}`."
        )
    return rest
