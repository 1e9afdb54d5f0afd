"""record.npz: every attack's outcomes per image and per key, and the pictures.

Members are called "<result name>/<field of Record>" and "pictures/<field>". The file
is written whole or not at all, and the same content gives the same bytes.
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from purifax.record import Record
from purifax.report.pictures import Pictures
from purifax.run import npz

__all__ = ["load", "load_pictures", "save"]

_FIELDS = tuple(f.name for f in dataclasses.fields(Record))
_SHOWN = "pictures"


def save(
    path: pathlib.Path,
    records: Mapping[str, Record],
    pictures: Pictures | None = None,
) -> None:
    """Write records by name into one compressed file, with the dtypes of jax."""
    if any(name.partition("/")[0] in ("", _SHOWN) for name in records):
        raise ValueError(f"a record cannot be called {_SHOWN!r}, nor nothing at all.")
    members: dict[str, Any] = {
        f"{name}/{part}": np.asarray(jnp.asarray(getattr(record, part)))
        for name, record in records.items()
        for part in _FIELDS
    }
    for part in dataclasses.fields(pictures) if pictures is not None else ():
        if getattr(pictures, part.name) is None:
            continue
        value = np.asarray(getattr(pictures, part.name))
        plain = value if value.dtype.kind == "U" else np.asarray(jnp.asarray(value))
        members[f"{_SHOWN}/{part.name}"] = plain
    npz.write(path, members, compressed=True)


def load(path: pathlib.Path) -> dict[str, Record]:
    """Read the records of `save`, by name, in the order they were written.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or is no file of records.
    """
    members = npz.read(path)
    names = dict.fromkeys(
        name.rpartition("/")[0] for name in members if not name.startswith(_SHOWN + "/")
    )
    records = {}
    for name in names:
        parts = [members.get(f"{name}/{part}") for part in _FIELDS]
        if not name or any(part is None for part in parts):
            raise ValueError(
                f"{path} is not a file of records: {name!r} lacks a field."
            )
        try:
            records[name] = Record(*(jnp.asarray(part) for part in parts))
        except TypeError as error:
            raise ValueError(f"{path} is not a file of records: {error}.") from None
    return records


def load_pictures(path: pathlib.Path) -> Pictures | None:
    """Read the pictures of `save`; None if it wrote none.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or holds other things under their names.
    """
    shown = {
        name.partition("/")[2]: value
        for name, value in npz.read(path).items()
        if name.startswith(_SHOWN + "/")
    }
    if not shown:
        return None
    try:
        attack, names = str(shown.pop("attack")), shown.pop("names").tolist()
        # Files of earlier versions have no steps.
        steps = shown.pop("steps", np.array([])).tolist()
        return Pictures(
            **shown,
            attack=attack,
            names=tuple(map(str, names)),
            steps=tuple(map(int, steps)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} holds no pictures as it says: {error}.") from None
