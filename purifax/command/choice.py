"""The configs that `--config` and `--protocol` name, one or several at once."""

import fnmatch
from collections.abc import Sequence
from typing import Any

from absl import flags

from purifax.recipe.spelling import nearest
from purifax.run import lookup
from purifax.run.errors import UsageError
from purifax.run.lookup import Shelf

__all__ = ["choose"]


def choose(
    config: str | None,
    protocol: str,
    kinds: Sequence[type],
    several: bool,
    configs: Shelf,
    protocols: Shelf,
) -> tuple[dict[str, Any], bool]:
    """Find every config that is named, under every protocol.

    Args:
        config: a name or path; with `several` also names with commas, or a pattern.
        protocol: likewise; "" leaves the configs as they are.
        kinds: config types that are accepted.

    Returns:
        The configs by their names, and whether exactly one was asked for.

    Raises:
        UsageError: nothing is named, or something that cannot be found or used.
    """
    config = _needed(config, kinds, configs)
    names, ends = [config], [protocol]
    if several:
        names = _expanded(config, configs.names(kinds), "config")
        ends = [""]
        if protocol:
            ends = _expanded(protocol, protocols.names(), "protocol")
    found = {}
    for name in names:
        plain = configs.find(name, kinds)
        for end in ends:
            under = protocols.find(end, kinds, plain) if end else plain
            parts = (lookup.stem(name), lookup.stem(end))
            found["-".join(filter(None, parts))] = under
    return found, len(found) == 1 and not _is_pattern(config + protocol)


def _needed(name: str | None, kinds: Sequence[type], configs: Shelf) -> str:
    if name is not None:
        return name
    if known := configs.names(kinds):
        raise UsageError(f"--config=NAME is needed. Known: {', '.join(known)}.")
    wanted = " or ".join(kind.__name__ for kind in kinds)
    raise UsageError(
        f"--config=PATH.py is needed: a file whose function config() returns {wanted}"
        + ("; or --weights=NAME." if "weights" in flags.FLAGS else ".")
    )


def _is_pattern(name: str) -> bool:
    """Whether a word asks for several, even if it finds only one."""
    return "," in name or any(sign in name for sign in "*?[")


def _expanded(text: str, known: Sequence[str], word: str) -> list[str]:
    """The names in ``--config`` or ``--protocol``, in order, with patterns expanded.

    Raises:
        UsageError: a pattern that fits no known name.
    """
    chosen: list[str] = []
    for name in filter(None, (name.strip() for name in text.split(","))):
        fits = fnmatch.filter(known, name) if _is_pattern(name) else [name]
        if not fits:
            raise UsageError(f"no {word} fits {name!r}{nearest(name, known)}")
        chosen += [fit for fit in fits if fit not in chosen]
    if not chosen:
        raise UsageError(f"--{word}={text} names nothing.")
    return chosen
