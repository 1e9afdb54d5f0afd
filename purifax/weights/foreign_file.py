"""The arrays in the file of a public checkpoint, by name."""

from collections.abc import Mapping
from typing import Any

from purifax.weights import containers, states

__all__ = ["dictionary", "state"]


def dictionary(path: str) -> Mapping[str, Any]:
    """The dictionary in a file.

    Raises:
        ValueError: the file holds something else.
    """
    stored = containers.read(path)
    if not isinstance(stored, Mapping):
        raise ValueError(f"{path} holds a {type(stored).__name__}, not a dictionary.")
    return stored


def state(path: str) -> dict[str, Any]:
    """Arrays by name: those of the file, or of the entry of it that holds a state.

    Raises:
        ValueError: it holds something else.
    """
    stored = dictionary(path)
    for entry in ("state_dict", "model_state_dict", "model", "net"):
        if isinstance(stored.get(entry), Mapping):
            stored = stored[entry]
            break
    flat = states.flat(stored)
    prefixes = ("module.", "model.")
    for prefix in prefixes:
        if flat and all(name.startswith(prefix) for name in flat):
            flat = {name.removeprefix(prefix): array for name, array in flat.items()}
    return flat
