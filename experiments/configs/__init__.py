"""Named configs: one module, or one folder of modules, for each data set.

`cifar10_dsm` is function `dsm` of the data set `cifar10`, in whichever module of that
folder it stands; see `purifax.run.lookup`. A docstring has command, hardware, time and
numbers: accuracies in percent, with 95% intervals in brackets. "Not run here": not in
this project. A config needs the networks in its `score`, `energy` and `classifier`.
"""

from collections.abc import Sequence
from typing import Any

from purifax.run import lookup

__all__ = ["find", "names"]

SHELF = lookup.Shelf((__name__,), "config")


def names(kinds: Sequence[type] = ()) -> list[str]:
    """All names, sorted; those of some config types only, if `kinds` are given."""
    return SHELF.names(kinds)


def find(name: str, kinds: Sequence[type] = ()) -> Any:
    """The config of this name, or of a file that is named by its path.

    Raises:
        UsageError: there is none, it cannot be made, or it is none of `kinds`.
    """
    return SHELF.find(name, kinds)
