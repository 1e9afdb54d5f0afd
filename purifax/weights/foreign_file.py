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


_RAW = ("state_dict", "model_state_dict", "model", "net")
_AVERAGED = ("ema", "ema_state_dict", "model_ema", "state_dict_ema", "ema_model")
"""Entries that hold the weights of a network, by the programs that write them."""


def state(path: str, entry: str | None = None) -> dict[str, Any]:
    """Arrays by name: those of the file, or of the entry of it that holds a state.

    Args:
        entry: "raw" or "ema", where the file holds both.

    Raises:
        ValueError: it holds something else, or several states of which none is named.
    """
    stored = dictionary(path)
    found = {
        "raw": [name for name in _RAW if isinstance(stored.get(name), Mapping)],
        "ema": [name for name in _AVERAGED if isinstance(stored.get(name), Mapping)],
    }
    if entry is not None and not found[entry]:
        known = ", ".join(_AVERAGED if entry == "ema" else _RAW)
        raise ValueError(f"{path} has no entry of {entry} weights; known: {known}.")
    chosen = found["raw"] + found["ema"] if entry is None else found[entry]
    if len(chosen) > 1:
        raise ValueError(
            f"{path} holds several sets of weights: {', '.join(chosen)}; give --entry, "
            "or store the one you mean in a file of its own."
        )
    if chosen:
        stored = stored[chosen[0]]
    flat = states.flat(stored)
    prefixes = ("module.", "model.")
    for prefix in prefixes:
        if flat and all(name.startswith(prefix) for name in flat):
            flat = {name.removeprefix(prefix): array for name, array in flat.items()}
    return flat
