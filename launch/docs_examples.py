"""Examples in docstrings become code blocks of the documentation site, for griffe."""

import re
from typing import Any

from griffe import Extension, Object

__all__ = ["Examples"]

EXAMPLE = re.compile(r"^>>> .*(?:\n.+)*", re.M)


class Examples(Extension):
    """Fences what follows a prompt, up to the next empty line."""

    def on_object(self, *, obj: Object, **more: Any) -> None:
        """Changes the docstring of one object."""
        if obj.docstring:
            obj.docstring.value = EXAMPLE.sub(_fenced, obj.docstring.value)


def _fenced(found: re.Match[str]) -> str:
    return f"```pycon\n{found[0]}\n```"
