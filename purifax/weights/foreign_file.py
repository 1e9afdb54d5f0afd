"""The arrays in the file of a public checkpoint, by name.

A file may hold one state of a network, or several beside optimisers and counters: the
last weights of training and their running average. `chosen` says which was taken, and
which other there is.
"""

import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from purifax.run import npz
from purifax.weights import containers, states
from purifax.weights.stand_ins import StandIn

__all__ = ["array", "chosen", "dictionary", "picked", "state"]

_RAW = (
    *("state_dict", "model_state_dict", "model", "net", "network", "module", "params"),
    *("unet", "denoiser", "score_model", "online_model", "model_state", "state"),
    *("last", "best", "model_best", "best_model", "best_state_dict"),
)
_AVERAGED = (
    *("ema", "ema_state_dict", "model_ema", "state_dict_ema", "ema_model", "ema_net"),
    *("ema_model_state_dict", "model_ema_state_dict", "averaged_model", "unet_ema"),
    *("ema_state", "params_ema", "ema_params", "swa_model", "model_ema_best"),
    *("swa", "swa_state_dict", "swa_last", "swa_best"),
)
"""Entries that hold the weights of a network, by the programs that write them."""

_COUNTERS = ("initted", "step", "num_updates", "decay", "n_averaged")
"""Numbers beside the arrays of an average."""

_LAST = (
    *("module.", "_orig_mod.", "model.", "net.", "network.", "unet.", "denoiser."),
    *("online_model.", "diffusion_model.", "score_model."),
)
_MEAN = ("ema.", "ema_model.", "model_ema.", "ema_net.", "module_ema.")
"""Prefixes of all names of a state, of a wrapper; the second ones say an average."""


class Found(NamedTuple):
    """A state in a file: its entry, whether it is an average, and its arrays."""

    entry: str
    averaged: bool
    arrays: dict[str, Any]


def dictionary(path: str) -> Mapping[str, Any]:
    """The dictionary in a file.

    Raises:
        ValueError: the file holds something else.
    """
    stored = containers.read(path)
    if isinstance(stored, StandIn):
        raise ValueError(f"{path} holds a {stored.name}, which is not read.")
    if not isinstance(stored, Mapping):
        raise ValueError(f"{path} holds a {type(stored).__name__}, not a dictionary.")
    return stored


def state(path: str, entry: str | None = None) -> dict[str, Any]:
    """Arrays by name: those of the file, or of the entry of it that holds a state.

    Args:
        entry: "raw" or "ema", where the file holds both, or the entry's own name.

    Raises:
        ValueError: it holds something else, or several states of which none is named.
    """
    found = list(_candidates(dictionary(path)))
    if entry is None and len(found) > 1:
        raise ValueError(_several(path, found))
    return picked(path, found, entry)[0]


def chosen(
    path: str, entry: str | None = None, usual: str = ""
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays as `state` gives them, and what was chosen, in words.

    Of one state and one average the average is taken.

    Args:
        entry: as in `state`.
        usual: an entry that is taken where there is one and none is named.

    Raises:
        ValueError: it holds something else, or several states of one kind of which none
            is named.
    """
    found = list(_candidates(dictionary(path)))
    if entry is None and usual in [one.entry for one in found]:
        entry = usual
    return picked(path, found, entry)


def array(path: str, axes: int) -> np.ndarray:
    """The only array of a file, such as embeddings of texts.

    Args:
        axes: that it has; one more, of a batch of one, is taken off.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no array, or several, or one of another number of axes.
    """
    if pathlib.Path(path).suffix == ".npy":
        found: Any = npz.npy(pathlib.Path(path).read_bytes())
    else:
        found = containers.read(path)
        while isinstance(found, Mapping) and len(found) == 1:
            found = next(iter(found.values()))
    batch = isinstance(found, np.ndarray) and found.ndim == axes + 1
    if batch and len(found) == 1:
        found = found[0]
    if not isinstance(found, np.ndarray) or found.ndim != axes:
        kind = f"{found.ndim} axes" if isinstance(found, np.ndarray) else "no one array"
        raise ValueError(f"{path} must hold one array with {axes} axes; it has {kind}.")
    return found


def picked(
    path: str, found: list[Found], entry: str | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The state of an entry, or the average, and what was chosen in words."""
    averages = [one for one in found if one.averaged]
    wanted = found
    if entry in ("raw", "ema"):
        wanted = [one for one in found if one.averaged == (entry == "ema")]
    elif entry is not None:
        wanted = [one for one in found if one.entry == entry]
    elif len(found) == 2 and len(averages) == 1:
        wanted = averages
    if entry is not None and not wanted:
        names = ", ".join(one.entry or "(the file)" for one in found)
        known = ", ".join(_AVERAGED if entry == "ema" else _RAW)
        raise ValueError(
            f"{path} has no entry of {entry} weights; it has {names}; known: {known}."
        )
    if len(wanted) != 1:
        raise ValueError(_several(path, wanted))
    taken = wanted[0]
    words: dict[str, Any] = {}
    others = [one.entry for one in found if one is not taken]
    if taken.entry:
        words["entry"] = f"{taken.entry}{' (averaged)' if taken.averaged else ''}"
    if others:
        words["other entries"] = ", ".join(f"--entry={name}" for name in others)
    return taken.arrays, words


def _several(path: str, found: list[Found]) -> str:
    names = ", ".join(one.entry for one in found)
    return (
        f"{path} holds several sets of weights: {names}; give --entry, one of these or "
        "ema or raw, or store the one you mean in a file of its own."
    )


def _candidates(stored: Mapping[str, Any]) -> Iterator[Found]:
    """The states in a file, the last weights first."""
    found = [one for node in _nodes(stored) for one in _split(*node)]
    yield from sorted(found, key=lambda one: one.averaged)


def _nodes(
    node: Mapping[str, Any], path: str = "", averaged: bool = False
) -> Iterator[tuple[str, bool, Mapping[str, Any]]]:
    """Entries that hold states, however often they are wrapped."""
    inside = [n for n in (*_RAW, *_AVERAGED) if _holds(node.get(n))]
    dotted = any("." in name or "/" in name for name in node)
    if not inside or dotted or (set(inside) == {"params"} and not path):
        yield path, averaged, node
        return
    for name in inside:
        place = f"{path}.{name}" if path else name
        average = averaged or name in _AVERAGED
        shadows = node[name].get("shadow_params")
        if isinstance(shadows, list):
            yield place, True, _shadowed(node, inside, shadows)
        else:
            yield from _nodes(node[name], place, average)


def _holds(value: Any) -> bool:
    """Whether arrays are somewhere in a dictionary."""
    if not isinstance(value, Mapping):
        return False
    return isinstance(value.get("shadow_params"), list) or any(
        isinstance(item, np.ndarray) or _holds(item) for item in value.values()
    )


def _shadowed(
    node: Mapping[str, Any], inside: list[str], shadows: list[Any]
) -> Mapping[str, Any]:
    """Averages without names, which are those of the state beside them in its order."""
    beside = [name for name in inside if name in _RAW]
    if len(beside) != 1:
        raise ValueError("its `shadow_params` have no names, and no one state beside.")
    return states.shadowed(states.flat(node[beside[0]]), shadows)


def _split(path: str, averaged: bool, node: Mapping[str, Any]) -> Iterator[Found]:
    """The states of a dictionary of arrays, whose wrapper may hold two."""
    flat = {
        name: array
        for name, array in states.flat(node).items()
        if name not in _COUNTERS and not isinstance(array, StandIn)
    }
    flat, mean = _unwrapped(flat)
    heads = {prefix: _under(flat, prefix) for prefix in (*_LAST, *_MEAN)}
    heads = {prefix: part for prefix, part in heads.items() if part}
    ends = [prefix for prefix in heads if prefix in _MEAN]
    if (
        len(heads) == 2
        and len(ends) == 1
        and sum(map(len, heads.values())) == len(flat)
    ):
        for prefix, part in heads.items():
            place = prefix.rstrip(".") if not path else f"{path}.{prefix.rstrip('.')}"
            yield Found(place, prefix in _MEAN, _unwrapped(part)[0])
        return
    yield Found(path, averaged or mean, flat)


def _under(flat: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {n.removeprefix(prefix): a for n, a in flat.items() if n.startswith(prefix)}


def _unwrapped(flat: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The names without the prefixes that all have, and whether one says an average."""
    mean = False
    while flat:
        common = [
            p for p in (*_LAST, *_MEAN) if all(name.startswith(p) for name in flat)
        ]
        if not common:
            break
        mean = mean or common[0] in _MEAN
        flat = {name.removeprefix(common[0]): a for name, a in flat.items()}
        flat = {n: a for n, a in flat.items() if n not in _COUNTERS}
    return flat, mean
