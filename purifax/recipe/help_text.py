"""The line of help for each field of a dataclass, read from its docstring."""

import dataclasses
import re

__all__ = ["help_lines"]


def help_lines(cls: type) -> dict[str, str]:
    """The line of help for each documented field of a dataclass and its bases.

    Read from the section "Attributes" of the docstrings.

    >>> from purifax.recipe.kinds import Kind
    >>> help_lines(Kind)["word"]
    'what one method of the kind is called.'
    """
    lines: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if dataclasses.is_dataclass(base):
            lines |= _attributes(base.__doc__ or "")
    known = {field.name for field in dataclasses.fields(cls)}
    return {name: line for name, line in lines.items() if name in known}


def _attributes(text: str) -> dict[str, str]:
    """`name: line` pairs of a docstring's section "Attributes"."""
    _, found, rest = text.partition("Attributes:\n")
    if not found:
        return {}
    indent = len(rest) - len(rest.lstrip(" "))
    lines: dict[str, str] = {}
    names: list[str] = []
    for line in rest.splitlines():
        depth = len(line) - len(line.lstrip(" "))
        if line.strip() and depth < indent:
            break
        head = re.match(r"([\w, ]+): (.*)", line.strip()) if depth == indent else None
        if head:
            names = [name.strip() for name in head[1].split(",")]
            lines |= dict.fromkeys(names, head[2])
        elif line.strip():
            lines |= {name: f"{lines[name]} {line.strip()}" for name in names}
    return lines
