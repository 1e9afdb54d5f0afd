"""Names of arrays in PyTorch, as paths of our variables."""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from purifax.weights import states

__all__ = ["by_path", "count", "path", "renamed"]


def path(name: str, array: np.ndarray) -> str:
    """The path of an array by its name in PyTorch, whose layers have our names.

    >>> path("layer1_0.bn1.running_mean", np.zeros(3))
    'batch_stats/layer1_0/bn1/mean'
    """
    place = name.replace(".", "/")
    if array.ndim > 1:
        place = re.sub(r"/weight$", "/kernel", place)
    return states.batch_norms(place)


def by_path(
    arrays: Mapping[str, np.ndarray], kept: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Arrays by path and in our layout, from PyTorch's whose layers have our names.

    Args:
        kept: last parts of the names of arrays that are no kernels, and keep their
            axes.

    >>> list(by_path({"mlp.fc1.weight": np.zeros((3, 2))}).items())[0][1].shape
    (2, 3)
    """
    made = {}
    for name, array in arrays.items():
        parameter = name.rpartition(".")[2] in kept
        value = np.asarray(array) if parameter else states.channels_last(array)
        made[path(name, array)] = value
    return made


def renamed(
    arrays: Mapping[str, np.ndarray], rules: Sequence[tuple[str, str]]
) -> dict[str, np.ndarray]:
    r"""The arrays by names in which patterns were replaced, one rule after another.

    >>> list(renamed({"blocks.3.bias": np.zeros(1)}, [(r"^blocks\.(\d)", r"block\1")]))
    ['block3.bias']
    """
    found = {}
    for name, array in arrays.items():
        for pattern, new in rules:
            name = re.sub(pattern, new, name)
        found[name] = array
    return found


def count(names: Iterable[str], pattern: str) -> int:
    r"""How many different first groups a pattern has among the names.

    >>> count(["layer.0.weight", "layer.0.bias", "layer.1.bias"], r"layer\.(\d+)")
    2
    """
    found = (re.match(pattern, name) for name in names)
    return len({match[1] for match in found if match})
