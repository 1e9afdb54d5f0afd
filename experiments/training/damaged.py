"""Checkpoints that were damaged since they were written: named, and set aside."""

import itertools
import pathlib

from purifax.run import json_text
from purifax.run.progress import say
from purifax.weights import digests, folders

__all__ = ["set_aside"]

_ITEMS = ("state", "ema", "clock")
_EMPTY = "it is empty"


def set_aside(checkpoints: pathlib.Path) -> None:
    """Renames the checkpoints that are newer than the newest whole one, and says so.

    Nothing is removed: 1000 becomes 1000.damaged, which no reader takes for a
    checkpoint.

    Raises:
        ValueError: there are checkpoints, of which none is whole; each is named.
    """
    steps = sorted(int(p.name) for p in checkpoints.glob("*") if p.name.isdecimal())
    faults: dict[int, str] = {}
    for step in reversed(steps):
        fault = _fault(checkpoints / str(step))
        if not fault:
            break
        faults[step] = fault
    whole = [step for step in steps if step not in faults]
    named = "; ".join(f"{step}: {fault}" for step, fault in faults.items())
    if not whole and any(fault != _EMPTY for fault in faults.values()):
        raise ValueError(
            f"no checkpoint in {checkpoints} is whole ({named}). Restore one from a "
            "copy, or remove the folder to train from the start."
        )
    for step in faults:
        path = checkpoints / str(step)
        path.rename(_free(path))
    if faults:
        last = f"{whole[-1]}, the newest whole one" if whole else "the start"
        where = f"set aside in {checkpoints}: {named}"
        say(f"damaged, {where}. Training goes on from {last}.")


def _free(path: pathlib.Path) -> pathlib.Path:
    """The name of a checkpoint that is set aside, which nothing has yet."""
    names = (f"{path.name}.damaged{n or ''}" for n in itertools.count())
    return next(p for p in map(path.with_name, names) if not p.exists())


def _fault(checkpoint: pathlib.Path) -> str:
    """What is wrong with a checkpoint; "" if it is whole.

    One without digests is read as a whole, which finds what cannot be read.
    """
    if not any(checkpoint.glob("*")):
        return _EMPTY
    fault = digests.damage(checkpoint, _ITEMS)
    if fault or (checkpoint / digests.NAME).is_file():
        return fault
    try:
        folders.item(checkpoint, "state")
        folders.item(checkpoint, "ema")
        clock = json_text.read(checkpoint / "clock" / "metadata", dict)
        float(clock["seconds"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        return " ".join(str(error).split())[:200]
    return ""
