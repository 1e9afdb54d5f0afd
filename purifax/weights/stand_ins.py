"""Metadata of a checkpoint that is no weights: plain values, or inert stand-ins.

Programs store their arguments, dates, devices and schedulers beside the weights. What
has a plain meaning becomes it: a device, a dtype and a path are text, a Counter and a
defaultdict are dictionaries. Anything else that is known to be harmless becomes a
`StandIn`, which keeps its name and nothing else; a reader that needs it refuses it.
"""

from collections.abc import Callable
from typing import Any

__all__ = ["StandIn", "replacement"]


class StandIn:
    """An object of a class that was not read; it keeps the name of the class.

    It takes whatever a pickle does with an object, and forgets it.
    """

    name = ""

    def __new__(cls, *given: Any, **more: Any) -> "StandIn":
        """Take any arguments."""
        del given, more
        return super().__new__(cls)

    def __init__(self, *given: Any, **more: Any) -> None:
        """Forget them."""

    def __setstate__(self, state: Any) -> None:
        """Forget the state."""

    def __setitem__(self, key: Any, value: Any) -> None:
        """Forget an item."""

    def append(self, value: Any) -> None:
        """Forget an item."""

    def extend(self, values: Any) -> None:
        """Forget items."""

    def __repr__(self) -> str:
        """Such as `<datetime.datetime, not read>`."""
        return f"<{self.name}, not read>"


def replacement(module: str, name: str, copying: Callable[[type], type]) -> Any:
    """What stands for a name of harmless metadata; None for any other name.

    Args:
        copying: makes a class that takes what it copies from the budget.

    >>> replacement("torch", "device", lambda cls: cls)("cuda", 0)
    'cuda:0'
    >>> replacement("os", "system", lambda cls: cls) is None
    True
    """
    if (module, name) in _COUNTING:
        return copying(dict)
    if (module, name) == ("collections", "defaultdict"):
        return _without_factory(copying(dict))
    if (module, name) == ("torch", "device"):
        return lambda *parts: ":".join(map(str, parts))
    if module == "torch" and name in _DTYPES:
        return f"torch.{name}"
    if module in ("pathlib", "pathlib._local") and name in _PATHS:
        return lambda *parts: "/".join(map(str, parts))
    if (module, name) in _TYPES:
        return name
    if (module, name) in _NAMES or (module.startswith(_MODULES) and name[:1].isupper()):
        return type("StandIn", (StandIn,), {"name": f"{module}.{name}"})
    return None


def _without_factory(cls: type) -> Callable[..., Any]:
    return lambda factory=None, *given: cls(*given)


_COUNTING = {("collections", "Counter")}
_DTYPES = {
    *("float16", "float32", "float64", "bfloat16", "half", "float", "double"),
    *("int8", "int16", "int32", "int64", "uint8", "bool", "long", "int", "short"),
    *("complex64", "complex128"),
}
_PATHS = {
    *("Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath"),
    "PureWindowsPath",
}
_TYPES = {
    (module, name)
    for module in ("builtins", "__builtin__")
    for name in ("int", "float", "bool", "str", "tuple", "complex")
}
"""Factories of a defaultdict; they become their names, which cannot be called."""

_NAMES = {
    ("argparse", "Namespace"),
    ("types", "SimpleNamespace"),
    ("collections", "deque"),
    *(("datetime", n) for n in ("date", "datetime", "time", "timedelta", "timezone")),
    ("uuid", "UUID"),
    ("decimal", "Decimal"),
    ("fractions", "Fraction"),
}
_MODULES = (
    "torch.optim.",
    "torch.cuda.amp.grad_scaler",
    "torch.amp.grad_scaler",
    "torch.distributed.optim",
    "omegaconf.",
    "ml_collections.",
    "easydict",
    "addict",
    "pytorch_lightning.",
    "lightning.",
    "lightning_fabric.",
    "timm.scheduler.",
    "timm.optim.",
    "transformers.optimization",
    "transformers.trainer",
)
"""Modules whose classes, by their capital, are configs, optimisers and schedulers."""
