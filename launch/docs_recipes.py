"""The page of all recipes: each with its fields, their defaults and lines of help.

Nothing is written by hand: the classes, their docstrings and their fields are read from
the package, so that a new recipe is on the page as soon as it exists.
"""

import dataclasses
import inspect
import re
from collections.abc import Mapping
from typing import Any

from purifax.evaluation.attacks import ATTACKS
from purifax.recipe.help_text import help_lines
from purifax.recipe.kinds import ATTACK, POISON, PURIFIER, Kind, is_recipe
from purifax.run import recipes

__all__ = ["page"]

KINDS = {
    PURIFIER: (
        "Purifiers",
        "On the command line `--config.purifier=NAME` takes a recipe with its "
        "defaults, and `--config.purifier.FIELD=VALUE` changes a field. In Python a "
        "recipe is a class of `purifax.purify`.",
    ),
    ATTACK: (
        "Attacks",
        "On the command line `--config.attacks=NAME,NAME` chooses the attacks, and "
        "`--config.attacks.NAME.FIELD=VALUE` changes a field of one. In Python a "
        "recipe is a class of `purifax.attack`.",
    ),
    POISON: (
        "Poisons",
        "On the command line `--config.poison=NAME` chooses a poison, and in a grid "
        "`--config.poisons=NAME,NAME` several. In Python a recipe is a class of "
        "`purifax.poison`.",
    ),
}
HEAD = """# Recipes

A recipe is a method with its numbers: see the [glossary](glossary.md#recipe). The
tables are made of the recipes themselves. A field without a default in the table is not
set: it applies only beside a certain value of another field, which its line of help
names. [Your own methods](own.md) explains how to write a recipe."""


def page(more: Mapping[Kind, tuple[str, str]]) -> str:
    """The page in Markdown.

    Args:
        more: further kinds of recipes, each with its title and a sentence.
    """
    parts = [HEAD]
    for kind, (title, words) in {**KINDS, **more}.items():
        known = recipes.known(kind)
        if known:
            parts += [f"## {title}", words]
            parts += [_recipe(cls) for cls in known.values()]
        if kind == ATTACK:
            parts.append(_named())
    return "\n\n".join([*parts, ""])


def _recipe(cls: type) -> str:
    """One recipe: what it is, what one run costs, and its fields."""
    name = cls.__name__
    parts = [f"### {name}", *_words(cls)]
    calls = _calls(cls)
    if calls is not None:
        parts.append(f"Network evaluations of one run with the defaults: {calls:,}.")
    fields = dataclasses.fields(cls)
    if not fields:
        return "\n\n".join([*parts, "It has no fields."])
    lines = help_lines(cls)
    rows = ["| field | default | meaning |", "|---|---|---|"]
    for field in fields:
        meaning = lines.get(field.name, "").replace("|", "\\|")
        rows.append(f"| `{field.name}` | {_default(field)} | {meaning} |")
    return "\n\n".join([*parts, "\n".join(rows)])


def _words(cls: type) -> list[str]:
    """The paragraphs of the docstring, without the section of the fields."""
    text = inspect.cleandoc(cls.__doc__ or "").partition("Attributes:\n")[0]
    return [_marked(part) for part in re.split(r"\n\n+", text.strip())]


def _marked(paragraph: str) -> str:
    """Examples are code; arXiv numbers are links."""
    if paragraph.startswith(">>>"):
        return f"```pycon\n{paragraph}\n```"
    link = r"[arXiv \1](https://arxiv.org/abs/\1)"
    return re.sub(r"arXiv (\d{4}\.\d{4,5})", link, paragraph)


def _calls(cls: type) -> int | None:
    """Network evaluations of one run of a purifier, where its defaults tell them."""
    counted = getattr(cls, "calls", None)
    if counted is None or len(inspect.signature(counted).parameters) > 1:
        return None
    try:
        return cls().calls()
    except (TypeError, ValueError):  # it has no defaults
        return None


def _default(field: Any) -> str:
    """A default as the command line writes it; empty where a field is not set."""
    value = field.default
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    if value is dataclasses.MISSING:
        return "required"
    if value is None:
        return ""
    return f"`{_plain(value)}`" if value != "" else "(empty)"


def _plain(value: Any) -> str:
    if isinstance(value, float):
        levels = round(255 * value)
        whole = levels and abs(255 * value - levels) < 1e-9 and value * 1000 % 1
        return f"{levels}/255" if whole else f"{value:g}"
    if isinstance(value, tuple):
        return ",".join(map(_plain, value)) or "()"
    if is_recipe(value):
        return type(value).__name__
    return str(value)


def _named() -> str:
    """The attacks that have names of their own, with what differs from a default."""
    rows = ["| name | recipe |", "|---|---|"]
    rows += [f"| `{name}` | {_differs(made)} |" for name, made in ATTACKS.items()]
    words = "These names stand for a recipe with certain numbers:"
    return "\n\n".join(["### Attacks by name", words, "\n".join(rows)])


def _differs(made: Any) -> str:
    """A recipe as a call with the fields that are not its defaults."""
    changed = [
        f"{field.name}={getattr(made, field.name)!r}"
        for field in dataclasses.fields(made)
        if getattr(made, field.name) != field.default
    ]
    return f"`{type(made).__name__}({', '.join(changed)})`"
