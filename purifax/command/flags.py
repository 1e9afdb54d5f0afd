"""Flags of every command: ``--config=NAME --config.a.b=VALUE --workdir=DIR ...``.

`run` is the frame of a command: it reads the flags, finds and overrides the config,
calls ``main(config, options)`` and turns an expected error into one line on stderr.
Exit codes: 0 done, 1 the work failed, 2 the command line is wrong.
"""

import errno
import fnmatch
import json
import os
import pathlib
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from absl import flags

from purifax.command.configs import CONFIGS, PROTOCOLS
from purifax.command.overrides import apply
from purifax.recipe import nearest
from purifax.run import config as configlib
from purifax.run.errors import UsageError

__all__ = ["UsageError", "find", "names", "parse", "run", "typed"]

FULL = (errno.ENOSPC, errno.EDQUOT)
"""What a full disk says, or one's share of it."""


def _define(values: flags.FlagValues) -> None:
    """Declares the flags that every command has; a second call changes nothing."""
    if "config" in values:
        return
    text, switch = flags.DEFINE_string, flags.DEFINE_bool
    help_workdir = "Where to write and resume; default runs/<config name>."
    help_data = "Where the images are; default: what purifax.data finds by itself."
    text("config", None, "Name of a config, or path of a .py file.", flag_values=values)
    text("workdir", None, help_workdir, flag_values=values)
    text("data_dir", None, help_data, flag_values=values)
    switch("list_configs", False, "List the configs and stop.", flag_values=values)
    switch("print_config", False, "Print the config and stop.", flag_values=values)
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
    """Runs a command and leaves the process with its exit code.

    Args:
        main: `main(config, options)`, returns an exit code or None for 0; `options`
            holds `workdir` (filled in), `data_dir`, and flags the command declares.
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
    debug = any(word in ("--debug", "--debug=true") for word in sys.argv)
    try:
        where = {"places": places, "several": several}
        found = parse(sys.argv, kinds, default, workdir, instead, **where)
        code = 0 if found is None else main(*found) or 0
    except UsageError as error:
        code = _say(error, 2, debug)
    except BrokenPipeError:  # as in `... --print_config | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except (ValueError, OSError, RuntimeError) as error:
        code = _say(error, 1, debug)
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def typed() -> str:
    """The command as it was typed, to be typed again."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = spec.name if spec else "experiments.train"
    return shlex.join(["python", "-m", name, *sys.argv[1:]])


def _say(error: Exception, code: int, debug: bool) -> int:
    """Prints an error in one line (all of it with ``--debug``); gives `code` back."""
    if debug:
        traceback.print_exception(error)
    words = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.errno in FULL:
        words += ". Free some space and run the same command again: it goes on."
    print(f"error: {words}", file=sys.stderr)
    return code


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
) -> tuple[Any, flags.FlagValues] | None:
    """Reads a command line into (config, options); None if it asked only to print.

    With `several`, ``--config=a,b`` or ``--config='a_*'`` gives {name: config}, each
    under every protocol that ``--protocol`` names likewise, with the same overrides.

    Raises:
        UsageError: an unknown flag, config, field, or a value of the wrong type.
    """
    _define(values)
    plain, overrides = _separate(argv)
    if "--help" in plain or "-h" in plain:
        print(_help(values))
        return None
    _read(values, plain, places)
    if values.list_configs:
        print(CONFIGS.listing(names(kinds)))
        return None
    if "list_protocols" in values and values.list_protocols:
        print(PROTOCOLS.listing(PROTOCOLS.names()))
        return None
    if not kinds or any(values[name].value for name in instead):
        return None, values
    name = values.config or default
    if name is None:
        raise UsageError(f"--config=NAME is needed. Known: {', '.join(names(kinds))}.")
    protocol = (values.protocol if "protocol" in values else None) or ""
    stems, ends = [name], [protocol]
    if several:
        stems = _chosen(name, names(kinds))
        ends = _chosen(protocol, PROTOCOLS.names(), "protocol") if protocol else [""]
    found = _found(stems, ends, kinds)
    found = {stem: apply(config, overrides) for stem, config in found.items()}
    alone = len(found) == 1 and not _is_pattern(name + protocol)
    config = next(iter(found.values())) if alone else found
    if values.print_config:
        print(json.dumps(_encoded(config), indent=2))
        return None
    if values.workdir is None:
        if not alone and workdir is None:
            raise UsageError("several evaluations need --workdir for their results.")
        values.workdir = workdir or str(pathlib.Path("runs", next(iter(found))))
    return config, values


def _stem(name: str) -> str:
    return pathlib.Path(name).stem


def _found(
    stems: Sequence[str], ends: Sequence[str], kinds: Sequence[type]
) -> dict[str, Any]:
    """Every config under every protocol ("": as it is), by their names."""
    found = {}
    for name in stems:
        config = find(name, kinds)
        for end in ends:
            under = PROTOCOLS.get(end)(config) if end else config
            found["-".join(filter(None, (_stem(name), _stem(end))))] = under
    return found


def _is_pattern(name: str) -> bool:
    """Whether ``--config`` asks for several, though it may find one."""
    return "," in name or any(sign in name for sign in "*?[")


def _encoded(config: Any) -> dict[str, Any]:
    if isinstance(config, dict):
        return {name: configlib.encode(one) for name, one in config.items()}
    return configlib.encode(config)


def _chosen(text: str, known: Sequence[str], word: str = "config") -> list[str]:
    """What ``--config`` or ``--protocol`` names, in its order, patterns filled in.

    Raises:
        UsageError: a pattern that nothing known fits.
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


def _separate(argv: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Splits the command line into plain flags and (dotted field, value) pairs."""
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
    """Lets absl read the plain flags; says what is wrong in our words.

    Args:
        places: names of the flags that bare words fill.
    """
    try:
        left = values(plain)
    except flags.UnrecognizedFlagError as error:
        hint = nearest(error.flagname, list(values), "--")
        raise UsageError(f"unknown flag --{error.flagname}{hint}") from None
    except flags.Error as error:
        raise UsageError(str(error)) from None
    for name, word in zip(places, left[1:], strict=False):
        values[name].value = word
    extra = left[1 + len(places) :]
    if extra:
        raise UsageError(
            f"{extra[0]!r} is not a flag; write --config=NAME --flag=VALUE."
        )


def _help(values: flags.FlagValues) -> str:
    """The usage: the command's docstring, the flags, and how to override a field."""
    main = sys.modules["__main__"]
    ours = [values[name] for name in sorted(values) if _ours(values, name)]
    lines = [f"  --{flag.name}: {flag.help}" for flag in ours]
    lines.append("  --config.FIELD=VALUE: override one field; see --print_config.")
    return "\n".join([(main.__doc__ or "").strip(), "", "Flags:", *lines])


def _ours(values: flags.FlagValues, name: str) -> bool:
    """Whether a flag was declared here or by the command, and not by absl."""
    return not str(values.find_module_defining_flag(name, "")).startswith("absl")


def names(kinds: Sequence[type] | None = None) -> list[str]:
    """Names of the configs in experiments/configs, those of `kinds` only if given."""
    found = CONFIGS.names()
    if kinds is None:
        return found
    return [name for name in found if isinstance(CONFIGS.get(name)(), tuple(kinds))]


def find(name: str, kinds: Sequence[type]) -> Any:
    """Finds a config by name, or by the path of a .py file that has ``config()``.

    Raises:
        UsageError: no such config or file, or a config of another command.
    """
    config = CONFIGS.get(name, names(kinds))()
    if not isinstance(config, tuple(kinds)):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        got = type(config).__name__
        known = ", ".join(names(kinds))
        raise UsageError(
            f"{name} is of type {got}; this command takes {wanted}: {known}."
        )
    return config
