"""The answer to `--help`: the command, its flags, and the fields of its config."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from absl import flags

from purifax.recipe.help_text import help_lines
from purifax.run import config as configlib
from purifax.run.trees import first_line

__all__ = ["explained", "fields", "names", "text"]

_WIDTH, _COLUMN = 88, 36


def text(
    doc: str, values: flags.FlagValues, configured: bool, config: Any = None
) -> str:
    """The whole answer.

    Args:
        doc: the docstring of the command.
        values: of which those that absl itself declares are left out.
        configured: whether the command takes a config.
        config: whose fields are listed, if there is one.
    """
    hidden = () if configured else ("config", "list_configs", "print_config")
    shown = [values[name] for name in names(values) if name not in hidden]
    lines = [_row(f"--{flag.name}", flag.help or "") for flag in shown]
    if configured and config is None:
        more = "override one field of the config; --help --config=NAME lists them."
        lines.append(_row("--config.FIELD=VALUE", more))
    elif configured:
        lines += ["", "Fields of the config, with their values:"]
        lines += [_row(f"--config.{n}={v}", line) for n, v, line in fields(config)]
    return "\n".join([doc.strip(), "", "Flags:", *lines])


def names(values: flags.FlagValues) -> list[str]:
    """The flags of a command, without those that absl and others declare."""
    return [name for name in sorted(values) if _ours(values, name)]


def explained(config: Any) -> str:
    """A line for each field of a config that is printed; "" for several configs."""
    rows = [] if config is None else [_row(n, line) for n, _, line in fields(config)]
    return "\n".join(rows)


def fields(config: Any) -> Iterator[tuple[str, str, str]]:
    """Yields (dotted name, value as it is typed, line of help) of every field."""
    for name, _, value in configlib.leaves(config):
        owner, last = _place(config, name)
        if isinstance(owner, Mapping):  # of recipes by the user's names
            line = first_line(type(owner[last]).__doc__ or "")
        else:
            line = help_lines(type(owner)).get(last, "")
        yield name, _typed(value), line


def _place(owner: Any, name: str) -> tuple[Any, str]:
    """Whose field a dotted name is, and the field; a user's own names may have dots."""
    while True:
        if isinstance(owner, Mapping):
            fitting = (k for k in owner if name == k or name.startswith(f"{k}."))
            part = max(fitting, key=len)
        else:
            part = name.partition(".")[0]
        if name == part:
            return owner, part
        owner = owner[part] if isinstance(owner, Mapping) else getattr(owner, part)
        name = name.removeprefix(f"{part}.")


def _typed(value: Any) -> str:
    """A value as the command line takes it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "()"
    return "none" if value is None else str(value)


def _row(left: str, right: str) -> str:
    """Two columns; the second begins on a line of its own where the first is long."""
    filled = textwrap.wrap(right, _WIDTH - _COLUMN)
    begin = " " * _COLUMN
    if len(left) + 4 > _COLUMN or not filled:
        return "\n".join([f"  {left}", *(begin + line for line in filled)])
    first, *others = filled
    return "\n".join(
        [f"  {left}".ljust(_COLUMN) + first, *(begin + line for line in others)]
    )


def _ours(values: flags.FlagValues, name: str) -> bool:
    """Whether a flag was declared here or by the command, and not by a package."""
    module = str(values.find_module_defining_flag(name, ""))
    return module.partition(".")[0] not in ("absl", "chex")
