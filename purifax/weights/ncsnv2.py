"""NCSNv2's PyTorch checkpoints as variables of `purifax.nets.NCSNv2`.

The authors save a list: the module's state (its names prefixed by "module.", with the
sigma ladder as a buffer), the optimiser's state, the epoch, the step and, if they kept
one, the running average of the parameters (names without the prefix). ADP and its
published evaluations use the first entry, not the average. The PyTorch program of Song
et al. saves the same network as a dictionary: its state as "model", and as "ema" the
averages, which have no names.

Only NumPy arrays are read here, so PyTorch is not needed.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from purifax import nets
from purifax.weights import states

__all__ = ["convert", "levels"]

_ENTRIES = {"raw": 0, "ema": 4}


def convert(
    state: Mapping[str, np.ndarray] | Sequence[Any],
    entry: Literal["raw", "ema"] = "raw",
) -> dict[str, Any]:
    """The variables of `NCSNv2(width, channels)` from a PyTorch checkpoint.

    Width and channels follow from the arrays. The authors' code divides by sigma after
    the last layer; this network does not, so it gives the scaled score.

    Args:
        state: the list or dictionary that the authors save, or one of its states, with
            arrays in PyTorch's layout ([out, in, height, width] for convolutions).
        entry: which dictionary of a list: "raw", the last weights, as ADP uses them,
            or "ema", their running average. Ignored if `state` is a dictionary.

    Returns:
        {"params": ...} as float32 NumPy arrays.

    Raises:
        ValueError: if the list has no such entry, or if arrays are missing, unknown or
            of a wrong shape; the message names them.
    """
    arrays = {
        name.removeprefix("module."): np.asarray(array)
        for name, array in _select(state, entry).items()
    }
    arrays.pop("sigmas", None)
    if getattr(arrays.get("begin_conv.weight"), "ndim", 0) != 4:
        raise ValueError(
            "this is no NCSNv2 checkpoint: it has no `begin_conv.weight` with 4 axes. "
            f"Its first names are: {states.few(list(arrays)) or 'none'}."
        )
    width, channels = arrays["begin_conv.weight"].shape[:2]
    by_path = {
        f"params/{_path(name)}": states.channels_last(array)
        for name, array in arrays.items()
    }
    module = nets.NCSNv2(width=width, channels=channels)
    return states.fitted("NCSNv2", by_path, module, (8, 8, channels))


def levels(
    state: Mapping[str, np.ndarray] | Sequence[Any], entry: Literal["raw", "ema"]
) -> tuple[float, float] | None:
    """The smallest and the largest sigma of the checkpoint's ladder; None without one.

    Args:
        state, entry: as in `convert`. The average holds parameters alone, and the
            ladder stands in the first entry then.

    Raises:
        ValueError: the ladder is no list of positive numbers.
    """
    first = _select(state, "raw")
    found = first.get("module.sigmas", first.get("sigmas"))
    if found is None:
        return None
    sigmas = np.asarray(found, np.float64)
    if sigmas.ndim != 1 or sigmas.size < 2 or not (sigmas > 0).all():
        raise ValueError("the checkpoint's `sigmas` are no ladder of positive levels.")
    return float(sigmas.min()), float(sigmas.max())


def _select(state: Any, entry: str) -> Mapping[str, np.ndarray]:
    if entry not in _ENTRIES:
        raise ValueError(f'`entry` must be "raw" or "ema"; got {entry!r}.')
    raw = state if isinstance(state, Mapping) else state[0]
    raw = raw["model"] if isinstance(raw.get("model"), Mapping) else raw
    _check_names(raw)
    if isinstance(state, Mapping):
        shadows = state.get("ema", {}).get("shadow_params")
        if raw is state or entry == "raw":
            return raw
        if shadows is None:
            raise ValueError("the checkpoint has no averages: give --entry=raw.")
        return states.shadowed(raw, shadows)
    if len(state) <= _ENTRIES[entry]:
        raise ValueError(
            f"the checkpoint is a list of {len(state)} entries, and {entry!r} would be "
            f"number {_ENTRIES[entry] + 1}. Saved without a running average, it has "
            'only "raw".'
        )
    return state[_ENTRIES[entry]]


def _check_names(state: Mapping[str, Any]) -> None:
    """Refuse two networks that are saved in the same way.

    Raises:
        ValueError: it is one of them.
    """
    if any("all_modules." in name for name in state):
        raise ValueError(
            "its `all_modules` are those of a DDPM, DDPM++ or NCSN++, which "
            "--from=score_sde reads."
        )
    if any(name.endswith("normalizer.embed.weight") for name in state):
        raise ValueError(
            "this is an NCSN of 2019, whose normalisations are given the index of the "
            "level; it is not read, its successor NCSNv2 is."
        )


def _path(name: str) -> str:
    """ "res2.0.conv2.conv.weight" -> "res2_0/conv2/kernel"."""
    name = re.sub(r"\.conv\.(weight|bias)$", r".\1", name)
    name = re.sub(r"\.(\d+)(?=\.)", r"_\1", name)
    return re.sub(r"\.weight$", ".kernel", name).replace(".", "/")
