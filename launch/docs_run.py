"""Runs the Python of a page, and shows beneath each block what it printed and drew."""

import contextlib
import io
import os
import pathlib
import re
import tempfile

__all__ = ["run"]

BLOCK = re.compile(r"```python\n(.*?)```\n", re.S)


def run(name: str, text: str) -> tuple[str, dict[str, bytes]]:
    """The page with its outputs, and the pictures by their paths in the site.

    All blocks are one session, in an empty folder; a PNG that a block writes there is
    shown beneath it.

    Args:
        name: of the page, and of the folder of its pictures.
        text: Markdown.

    Raises:
        Exception: what a block raises.
    """
    session: dict[str, object] = {}
    pictures: dict[str, bytes] = {}

    def shown(found: re.Match[str]) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(found[1], f"{name}.md", "exec"), session)
        parts = [found[0]]
        if printed.getvalue():
            parts.append(f"```text\n{printed.getvalue()}```\n")
        for path in sorted(pathlib.Path().glob("*.png")):
            if f"{name}/{path.name}" not in pictures:
                pictures[f"{name}/{path.name}"] = path.read_bytes()
                parts.append(f"![{path.stem}]({name}/{path.name})\n")
        return "\n".join(parts)

    os.environ.setdefault("MPLBACKEND", "agg")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return BLOCK.sub(shown, text), pictures
