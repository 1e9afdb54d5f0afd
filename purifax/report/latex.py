r"""The table of accuracies in LaTeX, with the rules of the package booktabs.

Its text is escaped: titles and names may contain any character.
"""

from purifax.report import escape
from purifax.report.tables import rows
from purifax.report.words import span

__all__ = ["caption", "escaped", "table"]

_SPECIAL = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "∞": r"$\infty$",
    "×": r"$\times$",
    "−": "$-$",
    "–": "--",
}
_NORMS = {"Linf": r"$\ell_\infty$", "L2": r"$\ell_2$", "L1": r"$\ell_1$"}
_HEAD = (
    "Model",
    "Attack",
    "Threat",
    r"Accuracy (\%)",
    r"95\% interval",
    r"Worst of $M$ (\%)",
    "Images",
    "Keys $M$",
)
_COLUMNS = "lllrrrrr"


def table(summary: dict, caption: str | None = None, label: str | None = None) -> str:
    r"""The table: a `tabular`, inside a `table` if it has a caption or a label.

    Args:
        summary: the content of summary.json.
        caption: LaTeX, not escaped.
        label: for `\ref`.
    """
    lines = [
        rf"\begin{{tabular}}{{{_COLUMNS}}}",
        r"  \toprule",
        _line(_HEAD),
        *_body(summary),
        r"  \bottomrule",
        r"\end{tabular}",
    ]
    if caption is not None or label is not None:
        above = [r"\begin{table}", r"  \centering"]
        above += [] if caption is None else [rf"  \caption{{{caption}}}"]
        above += [] if label is None else [rf"  \label{{{label}}}"]
        lines = [*above, *(f"  {line}" for line in lines), r"\end{table}"]
    return "\n".join([r"% needs \usepackage{booktabs}", *lines, ""])


def caption(summary: dict) -> str:
    """A caption that says what the numbers are, from the title of the evaluation."""
    title = escaped(summary["title"]).rstrip(".")
    return (
        f"{title}. Accuracy is the mean over images and evaluation keys, with its "
        r"95\% Wilson interval over images; worst of $M$ is the rate of images that "
        "are classified correctly under all $M$ keys."
    )


def escaped(text: str) -> str:
    r"""The text with every character that LaTeX reads as a command made printable.

    >>> escaped("50% of my_attack")
    '50\\% of my\\_attack'
    """
    printable = "".join(_SPECIAL.get(sign, sign) for sign in escape.line(text))
    # After the end of a row, [ and * would be read as arguments of it.
    return (
        f"{{{printable[0]}}}{printable[1:]}"
        if printable[:1] in set("[*")
        else printable
    )


def _body(summary: dict) -> list[str]:
    lines, model = [], None
    for row in rows(summary):
        if row["model"] != model:
            lines.append(r"  \midrule")
        model = row["model"]
        threat = _NORMS.get(row["threat"], "")
        cells = (
            escaped(row["model"]),
            escaped(row["attack"]),
            f"{threat} ${row['radius_text']}$" if threat else "",
            _percent(row["accuracy"]),
            span((row["low"], row["high"])),
            _percent(row["worst_of_m"]),
            str(row["images"]),
            str(row["keys"]),
        )
        lines.append(_line(cells))
    return lines


def _line(cells: tuple[str, ...]) -> str:
    return f"  {' & '.join(cells)} \\\\"


def _percent(value: float | None) -> str:
    return "--" if value is None else f"{100 * value:.1f}"
