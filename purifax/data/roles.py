"""The names under which a set keeps its splits: of folders, files and arrays, any case.

| split      | names                    |
|------------|--------------------------|
| train      | train, training          |
| validation | val, valid, validation   |
| test       | test, testing            |
| all        | all: a set not yet split |

The split "test" is "validation" where there is no test. Two names for one split are
refused.
"""

from collections.abc import Collection, Iterable
from typing import Any

from purifax.data.images import DataError

__all__ = ["chosen", "named", "role"]

NAMES = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation"),
    "test": ("test", "testing"),
    "all": ("all",),
}


def role(name: str) -> str | None:
    """The split that a name stands for, or None.

    >>> role("Val"), role("cats")
    ('validation', None)
    """
    name = name.lower()
    return next((split for split, names in NAMES.items() if name in names), None)


def named(names: Iterable[str], where: Any) -> dict[str, str]:
    """Names by the split that they stand for; other names are left out.

    Raises:
        DataError: two names stand for one split.

    >>> named(["train", "Val", "cats"], "photos")
    {'validation': 'Val', 'train': 'train'}
    """
    found: dict[str, str] = {}
    for name in sorted(names):
        split = role(name)
        if split in found:
            raise DataError(
                f"{where} has both {found[split]} and {name}, which stand for one "
                "split; keep one of them."
            )
        if split:
            found[split] = name
    return found


def chosen(split: str, found: Collection[str]) -> str | None:
    """Which of the splits found is the wanted one, or None.

    >>> chosen("test", ["train", "validation"]), chosen("val", ["train"])
    ('validation', None)
    """
    wanted = role(split)
    if wanted == "test" and wanted not in found:
        wanted = "validation"
    return wanted if wanted in found else None
