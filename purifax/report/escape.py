r"""What users name, in a form that Markdown and CSV show as it is written.

Names of attacks, models, data sets and folders may hold any characters. In LaTeX they
are escaped by `purifax.report.latex`, in HTML by the templates.
"""

import re
from typing import Any

__all__ = ["alternative", "code", "csv_cell", "line", "markdown"]

_MARKS = re.compile(r"[\\`*|]|(?<![^\W_])_|_(?![^\W_])|\](?=[\[(:])|(?<=!)\[")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def line(text: str) -> str:
    r"""The text on one line, with a question mark for what cannot be printed.

    >>> line("a\nb\x1b[31m")
    'a b?[31m'
    """
    words = " ".join(text.split())
    return "".join(sign if sign.isprintable() else "?" for sign in words)


def markdown(text: str) -> str:
    r"""The text as Markdown shows it: no formatting, links, table cells or HTML.

    >>> markdown("p < 0.1 | <b> `x` [a](b)")
    'p &lt; 0.1 \\| &lt;b&gt; \\`x\\` [a\\](b)'
    """
    text = re.sub(r"&(?=#?\w+;)", "&amp;", line(text))
    text = _MARKS.sub(lambda match: "\\" + match[0], text)
    return text.replace("<", "&lt;").replace(">", "&gt;")


def alternative(text: str) -> str:
    """The text in place of a picture, whose brackets would end it.

    >>> alternative("PGD [50]")
    'PGD (50)'
    """
    return markdown(text.translate({ord("["): "(", ord("]"): ")"}))


def code(text: str) -> str:
    """The text as a span of code, in more backticks than it holds.

    >>> code("a `b`")
    '`` a `b` ``'
    """
    text = line(text)
    longest = max(map(len, re.findall("`+", text)), default=0)
    room = " " if longest else ""
    return f"{'`' * (longest + 1)}{room}{text}{room}{'`' * (longest + 1)}"


def csv_cell(value: Any) -> Any:
    """The value of a cell of CSV; a text that would begin a formula gets a quote.

    >>> csv_cell("=1+1"), csv_cell(-0.5)
    ("'=1+1", -0.5)
    """
    if not isinstance(value, str):
        return value
    return f"'{value}" if value.lstrip(" ").startswith(_FORMULA) else value
