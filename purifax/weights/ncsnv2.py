"""NCSNv2's PyTorch checkpoints as variables of `purifax.nets.NCSNv2`.

The authors save a list: the module's state (its names prefixed by "module.", with the
sigma ladder as a buffer), the optimiser's state, the epoch, the step and, if they kept
one, the running average of the parameters (names without the prefix). ADP and its
published evaluations use the first entry, not the average.

Only NumPy arrays are read here, so PyTorch is not needed.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import jax
import numpy as np

from purifax import nets

__all__ = ["convert"]

_ENTRIES = {"raw": 0, "ema": 4}


def convert(
    state: Mapping[str, np.ndarray] | Sequence[Any],
    entry: Literal["raw", "ema"] = "raw",
) -> dict[str, Any]:
    """The variables of `NCSNv2(width, channels)` from a PyTorch checkpoint.

    Width and channels are those of the arrays. The checkpoint divides by sigma after
    the last layer; this network does not, so it gives the scaled score.

    Args:
        state: the list that the authors save, or one of its dictionaries, with arrays
            in PyTorch's layout ([out, in, height, width] for convolutions).
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
            f"Its first names are: {_few(list(arrays)) or 'none'}."
        )
    width, channels = arrays["begin_conv.weight"].shape[:2]
    given = {_path(name): _layout(array) for name, array in arrays.items()}
    _check(given, _expected(width, channels))
    return {"params": _nested(given)}


def _select(state: Any, entry: str) -> Mapping[str, np.ndarray]:
    if entry not in _ENTRIES:
        raise ValueError(f'`entry` must be "raw" or "ema"; got {entry!r}.')
    if isinstance(state, Mapping):
        return state
    if len(state) <= _ENTRIES[entry]:
        raise ValueError(
            f"the checkpoint is a list of {len(state)} entries, and {entry!r} would be "
            f"number {_ENTRIES[entry] + 1}. Saved without a running average, it has "
            'only "raw".'
        )
    return state[_ENTRIES[entry]]


def _path(name: str) -> str:
    """ "res2.0.conv2.conv.weight" -> "res2_0/conv2/kernel"."""
    name = re.sub(r"\.conv\.(weight|bias)$", r".\1", name)
    name = re.sub(r"\.(\d+)(?=\.)", r"_\1", name)
    return re.sub(r"\.weight$", ".kernel", name).replace(".", "/")


def _layout(array: np.ndarray) -> np.ndarray:
    """[out, in, height, width] -> [height, width, in, out]; the rest as it is."""
    if array.ndim == 4:
        array = array.transpose(2, 3, 1, 0)
    return np.ascontiguousarray(array, np.float32)


def _expected(width: int, channels: int) -> dict[str, tuple[int, ...]]:
    """The shape of every parameter, by its path."""
    module = nets.NCSNv2(width=width, channels=channels)
    x = jax.ShapeDtypeStruct((1, 8, 8, channels), np.float32)
    shapes = jax.eval_shape(module.init, jax.random.key(0), x)
    leaves = jax.tree.leaves_with_path(shapes["params"])
    return {
        jax.tree_util.keystr(p, simple=True, separator="/"): s.shape for p, s in leaves
    }


def _check(
    given: Mapping[str, np.ndarray], expected: Mapping[str, tuple[int, ...]]
) -> None:
    missing = sorted(expected.keys() - given.keys())
    unknown = sorted(given.keys() - expected.keys())
    misshaped = [
        f"{path} {given[path].shape} for {shape}"
        for path, shape in expected.items()
        if path in given and given[path].shape != shape
    ]
    faults = {"missing": missing, "unknown": unknown, "of a wrong shape": misshaped}
    if any(faults.values()):
        raise ValueError(
            "the checkpoint does not fit NCSNv2: "
            + "; ".join(f"{len(v)} {k}: {_few(v)}" for k, v in faults.items() if v)
            + "."
        )


def _few(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _nested(flat: Mapping[str, np.ndarray]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, array in flat.items():
        *parents, leaf = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = array
    return tree
