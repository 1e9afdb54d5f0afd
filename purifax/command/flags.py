"""Flags of every command: ``--config=NAME --config.a.b=VALUE --workdir=DIR ...``.

`run` is the frame of a command: it reads the flags, finds the config, applies the
overrides, calls ``main(config, options)`` and ends as `command.ending` says, with one
line on stderr for an error. Configs are looked for beside the command: those of
`mylab.train` are in the package `mylab.configs`.
"""

import json
import os
import pathlib
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any

from absl import flags

from purifax.command import ending, usage
from purifax.command.choice import choose
from purifax.recipe.kinds import ATTACK, PURIFIER
from purifax.recipe.spelling import nearest
from purifax.run import config as configlib
from purifax.run import defaults, lookup
from purifax.run import places as placeslib
from purifax.run.errors import UsageError
from purifax.run.lookup import Shelf
from purifax.run.overrides import apply
from purifax.run.recipes import listing

__all__ = ["UsageError", "parse", "run", "typed"]

LARGEST_SEED = 2**32 - 1
"""The largest value of a flag that is a seed: jax keeps 32 bits of one."""

_HELP = ("--help", "-h", "--helpfull", "--helpshort")


def _define(values: flags.FlagValues) -> None:
    """Declare the flags that every command has; a second call changes nothing."""
    if "config" in values:
        return
    text, switch = flags.DEFINE_string, flags.DEFINE_bool
    help_config = (
        "Name of a config, see --list_configs, or PATH.py[:FUNCTION], a file of your "
        "own: its code is run, so name none that you do not trust."
    )
    help_workdir = "Where to write and resume; default runs/<config name>."
    help_data = "Where the images are; default: what purifax.data finds by itself."
    text("config", None, help_config, flag_values=values)
    text("workdir", None, help_workdir, flag_values=values)
    text("data_dir", None, help_data, flag_values=values)
    switch("list_configs", False, "List the configs and stop.", flag_values=values)
    switch("print_config", False, "Print the config as JSON.", flag_values=values)
    switch("debug", False, "Show the traceback of an error.", flag_values=values)


def run(
    main: Callable[[Any, flags.FlagValues], int | None],
    kinds: Sequence[type],
    default: str | None = None,
    workdir: str | None = None,
    instead: Sequence[str] = (),
    places: Sequence[str] = (),
    several: bool = False,
) -> None:
    """Run a command and leave the process with its exit code.

    Args:
        main: `main(config, options)`, returns an exit code or None for 0; `options`
            holds `workdir` (filled in), `data_dir`, and the flags that the command
            declares. The configs and the text of ``--help`` are those of the module
            that defines `main`.
        kinds: config types that the command accepts; none for a command without a
            config, to which None is given.
        default: config used when ``--config`` is not given.
        workdir: used when ``--workdir`` is not given, in place of runs/<config name>.
        instead: names of flags that, where given, take the place of ``--config``;
            the config is then None.
        places: names of flags that words without a flag fill, in this order.
        several: whether ``--config`` may name more than one, with commas or as a
            pattern such as ``mnist_*``, and ``--protocol`` too; `main` is then given a
            dict of them by name.
    """
    module = sys.modules[main.__module__]

    def work() -> int | None:
        found = parse(
            sys.argv,
            kinds,
            default,
            workdir,
            instead,
            places=places,
            several=several,
            package=module.__package__ or "",
            doc=module.__doc__ or "",
        )
        with defaults.usual():
            return None if found is None else main(*found)

    sys.exit(ending.ended(work, _debug(sys.argv)))


def _debug(words: Sequence[str]) -> bool:
    """Whether tracebacks are asked for; known before the flags are read."""
    asked = ("debug", "debug=true", "debug=1")
    return any(word.startswith("-") and word.lstrip("-") in asked for word in words)


def typed() -> str:
    """The command as it was typed, to be typed again."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if sys.argv[0].startswith(("purifax ", "python ")):  # as `purifax.main` names it
        return f"{sys.argv[0]} {shlex.join(sys.argv[1:])}".strip()
    if spec is None:
        return shlex.join(["python", *sys.argv])
    return shlex.join(["python", "-m", spec.name, *sys.argv[1:]])


def parse(
    argv: Sequence[str],
    kinds: Sequence[type],
    default: str | None = None,
    workdir: str | None = None,
    instead: Sequence[str] = (),
    values: flags.FlagValues = flags.FLAGS,
    *,
    places: Sequence[str] = (),
    several: bool = False,
    package: str = "",
    doc: str = "",
) -> tuple[Any, flags.FlagValues] | None:
    """Read a command line into (config, options); None if it asked only to print.

    With `several`, ``--config=a,b`` or ``--config='a_*'`` gives {name: config}, each
    under every protocol that ``--protocol`` names likewise, with the same overrides.

    Args:
        package: of the command, beside which its configs and protocols are; "" if
            there are none.
        doc: the docstring of the command, for ``--help``.

    Raises:
        UsageError: an unknown flag, config, field, or a value of the wrong type.
    """
    _define(values)
    plain, overrides = _separate(argv)
    helped = any(word in _HELP for word in plain)
    _read(values, [word for word in plain if word not in _HELP], places)
    shelves = lookup.configs(package), lookup.protocols(package)
    if not kinds and (values.config or values.list_configs or overrides):
        raise UsageError("this command takes no config.")
    if listing := _listing(values, kinds, *shelves):
        print(listing)
        return None
    name = values.config or default
    without = not kinds or any(values[flag].value for flag in instead)
    if helped and (without or name is None):
        print(usage.text(doc, values, bool(kinds)))
        return None
    if without:
        return None, values
    found, alone = choose(name, _protocol(values), kinds, several, *shelves)
    found = {stem: apply(config, overrides) for stem, config in found.items()}
    config = next(iter(found.values())) if alone else found
    if helped:
        print(usage.text(doc, values, True, config if alone else None))
        return None
    if values.print_config:
        print(json.dumps(_encoded(config), indent=2))
        if sys.stderr.isatty():  # a reader, and no program that takes the JSON
            print(usage.explained(config if alone else None), file=sys.stderr)
        return None
    if values.workdir is None:
        if not alone and workdir is None:
            raise UsageError("several evaluations need --workdir for their results.")
        values.workdir = workdir or str(pathlib.Path("runs", next(iter(found))))
    return config, values


def _listing(
    values: flags.FlagValues, kinds: Sequence[type], configs: Shelf, protocols: Shelf
) -> str:
    """What ``--list_configs`` or ``--list_protocols`` asks for; "" without them."""
    if values.list_configs:
        return configs.listing(kinds)
    if "list" in values and values.list:
        parts = (f"{kind.word}s\n{listing(kind)}" for kind in (PURIFIER, ATTACK))
        return "\n\n".join(parts)
    if "list_protocols" in values and values.list_protocols:
        return protocols.listing()
    return ""


def _protocol(values: flags.FlagValues) -> str:
    return (values.protocol if "protocol" in values else None) or ""


def _encoded(config: Any) -> dict[str, Any]:
    if isinstance(config, dict):
        return {name: configlib.encode(one) for name, one in config.items()}
    return configlib.encode(config)


def _separate(argv: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Split the command line into plain flags and (dotted field, value) pairs."""
    plain, overrides = list(argv[:1]), []
    rest = iter(argv[1:])
    for word in rest:
        flag = word.lstrip("-")
        if not (word.startswith("-") and flag.startswith("config.")):
            plain.append(word)
            continue
        name, equals, value = flag.removeprefix("config.").partition("=")
        if not equals:
            value = next(rest, None)
            if value is None:
                raise UsageError(f"--config.{name} needs a value: --config.{name}=...")
        overrides.append((name, value))
    return plain, overrides


def _read(values: flags.FlagValues, plain: list[str], places: Sequence[str]) -> None:
    """Let absl read the plain flags, and say in one sentence what is wrong.

    Args:
        places: names of the flags that bare words fill.
    """
    for word in plain:
        if word.startswith("-") and word.endswith("=") and word.count("=") == 1:
            raise UsageError(f"{word} is empty; give a value, or leave the flag out.")
    try:
        left = values(plain)
    except flags.UnrecognizedFlagError as error:
        hint = nearest(error.flagname, usage.names(values), "--")
        raise UsageError(f"unknown flag --{error.flagname}{hint}") from None
    except flags.Error as error:
        raise UsageError(str(error)) from None
    for name, word in zip(places, left[1:], strict=False):
        values[name].value = word
    for name in ("workdir", "data_dir"):
        _on_disk(f"--{name}", values[name].value)
    work, images = values["workdir"].value, values["data_dir"].value
    if work and os.path.isfile(work):
        raise UsageError(f"{work} is a file; --workdir must name a folder.")
    if work and images and os.path.realpath(work) == os.path.realpath(images):
        raise UsageError(
            f"--workdir={work} is --data_dir, too: results would lie among the "
            "images. Give another --workdir."
        )
    extra = left[1 + len(places) :]
    if extra:
        raise UsageError(
            f"{extra[0]!r} is not a flag; write --config=NAME --flag=VALUE."
        )


def _on_disk(name: str, path: str | None) -> None:
    try:
        placeslib.on_disk(name, path or "")
    except ValueError as error:
        raise UsageError(str(error)) from None
