"""Digests of a checkpoint's files, by which damage is noticed when it is read again.

    checkpoints/1000/digests.json    {"files": {"ema/...": sha256}, "sha256": of these}

A checkpoint that was saved before there were digests has no such file, and nothing to
be compared with.
"""

import hashlib
import json
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence

from purifax.run import json_text

__all__ = ["NAME", "damage", "seal"]

NAME = "digests.json"


def seal(checkpoint: pathlib.Path, *, of_items: bool = False) -> None:
    """Write down the digests of those files of a checkpoint that have none yet.

    Args:
        of_items: whether the files beside the items, of which nothing is loaded, are
            left out: Orbax writes them last of all.

    Raises:
        ValueError: the digests written before are damaged.
    """
    path = checkpoint / NAME
    known = _stored(path) if path.is_file() else {}
    new = (n for n in _names(checkpoint) if n not in known)
    kept = (n for n in new if "/" in n or not of_items)
    files = dict(sorted((known | {n: _digest(checkpoint / n) for n in kept}).items()))
    part = path.with_name(f"{NAME}.part")
    part.write_text(json.dumps({"files": files, "sha256": _of(files)}) + "\n")
    os.replace(part, path)


def damage(checkpoint: pathlib.Path, items: Sequence[str]) -> str:
    """What is damaged in these items of a checkpoint, or beside them; "" if nothing is.

    >>> damage(pathlib.Path("/nowhere"), ["ema"])
    'it has no ema'
    """
    for item in items:
        if not any((checkpoint / item).glob("*")):
            return f"it has no {item}"
    path = checkpoint / NAME
    if not path.is_file():
        return f"{NAME} is missing" if _followed(checkpoint) else ""
    try:
        known = _stored(path)
    except ValueError as error:
        return str(error)
    for name, digest in known.items():
        item, inside, _ = name.partition("/")
        if inside and item not in items:
            continue
        if not (checkpoint / name).is_file():
            return f"{name} is missing"
        if _digest(checkpoint / name) != digest:
            return f"{name} is not as it was written"
    return ""


def _followed(checkpoint: pathlib.Path) -> bool:
    """Whether an earlier checkpoint has digests, so that this one had them too."""
    named = (path.parent.name for path in checkpoint.parent.glob(f"*/{NAME}"))
    return any(n.isdecimal() and int(n) < int(checkpoint.name) for n in named)


def _stored(path: pathlib.Path) -> dict[str, str]:
    """The digests by the names of the files.

    Raises:
        ValueError: the file is not as `seal` wrote it.
    """
    try:
        words = json_text.read(path, dict)
        files, digest = dict(words["files"]), words["sha256"]
    except (ValueError, KeyError, TypeError):
        files, digest = {}, ""
    if digest != _of(files):
        raise ValueError(f"{NAME} is not as it was written")
    return files


def _names(checkpoint: pathlib.Path) -> Iterator[str]:
    files = (path for path in checkpoint.rglob("*") if path.is_file())
    names = (path.relative_to(checkpoint).as_posix() for path in files)
    return (name for name in names if not name.startswith(NAME))


def _digest(file: pathlib.Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _of(files: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(files).encode()).hexdigest()
