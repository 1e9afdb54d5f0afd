"""The arrays of modules in NVlabs' pickles, by dotted names."""

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["arrays"]


def arrays(attributes: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and arrays of a module and the modules in it; filters are left out.

    >>> list(arrays({"_parameters": {"weight": 1.0}}))
    [('weight', 1.0)]
    """
    for group in ("_parameters", "_buffers"):
        for name, array in attributes.get(group, {}).items():
            if array is not None and name != "resample_filter":
                yield f"{path}{name}", array
    for name, module in attributes.get("_modules", {}).items():
        if module is not None:
            inside = module.get("state", module)
            yield from arrays(inside, f"{path}{name}.")
