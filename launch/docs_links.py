"""Links between files of the repository become links between pages of the site.

The README, the guides and the tables of measurements link to each other by their paths
in the repository, so that they can be read there. `relinked` turns these paths into
those of the pages. A link to a file without a page keeps its text alone.
"""

import posixpath
import re

__all__ = ["PAGES", "relinked"]

DOCS = "launch/docs"
PAGES = {"README.md": "index.md", "experiments/results/PERFORMANCE.md": "speed.md"}
"""Pages that are made of files outside `launch/docs`."""

LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
CODE = re.compile(r"(^```.*?^```|`[^`\n]*`)", re.M | re.S)


def relinked(text: str, page: str) -> str:
    """The Markdown of a page with links that hold in the site.

    Args:
        text: as it stands in the repository.
        page: its path in the site, such as "index.md".

    >>> relinked("[a](launch/docs/start.md#b), [c](LICENSE), `[d](e)`", "index.md")
    '[a](start.md#b), c, `[d](e)`'
    """
    origins = {made: path for path, made in PAGES.items()}
    origin = origins.get(page, posixpath.join(DOCS, page))
    parts = CODE.split(text)
    parts[::2] = [LINK.sub(lambda m: _link(m, origin), part) for part in parts[::2]]
    return "".join(parts)


def _link(found: re.Match[str], origin: str) -> str:
    image, text, target = found.groups()
    path, mark, anchor = target.partition("#")
    if not path or re.match(r"\w+:", path):
        return found[0]
    folder = posixpath.dirname(origin)
    whole = posixpath.normpath(posixpath.join(folder, path))
    inside = whole.removeprefix(f"{DOCS}/")
    if whole not in PAGES and inside == whole:
        return text
    return f"{image}[{text}]({PAGES.get(whole, inside)}{mark}{anchor})"
