"""Pages of one style: self-contained, light and dark, readable on a telephone.

A page is a template in `templates`. `base.html` is the frame of all pages, and
`parts.html` holds what several show: a figure, a checklist, an interval on a scale.
"""

import base64
import importlib
import pathlib
from collections.abc import Mapping
from typing import Any

from purifax.report.escape import alternative, code, markdown
from purifax.report.types import THREATS
from purifax.report.words import STATUSES, chance, model_text, percent, span

__all__ = ["html", "inlined", "need", "render", "track"]


def need(module: str) -> Any:
    """Imports a module of the `report` extra, or says how to get it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"the report needs {module.partition('.')[0]}, which is not installed; "
            "install it with: pip install 'purifax[report]'"
        ) from None


def html(name: str, title: str, **variables: object) -> str:
    """A page: the template `name`, with the style sheet inside."""
    style = (_templates() / "report.css").read_text(encoding="utf-8")
    return render(name, True, title=title, style=style, **variables)


def render(name: str, escape: bool, **variables: object) -> str:
    """The template `name` with the variables `variables`; `escape` for HTML."""
    jinja2 = need("jinja2")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_templates()),
        autoescape=escape,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "percent": _or_dash(percent),
        "span": span,
        "tenths": _or_dash(lambda value: f"{value:,.1f}"),
        "whole": _or_dash(lambda value: f"{value:,.0f}"),
        "short": _short,
        "chance": lambda p: chance(p).removeprefix("= "),
        "pairs": _pairs,
        "symbols": lambda words: words.replace("Linf", THREATS["Linf"]),
        "markdown": markdown,
        "code": code,
        "alt": alternative,
        "mark": lambda status: STATUSES.get(status, ""),
        "model": model_text,
    }
    return environment.get_template(name).render(**variables)


def inlined(light: bytes, dark: bytes) -> dict[str, Any]:
    """The variables of the part `figure`, from a PNG on either ground.

    It is shown at half its size, for screens of two dots a pixel.
    """
    width, height = _size(light)
    return {
        "light": _inline(light),
        "dark": _inline(dark),
        "width": width // 2,
        "height": height // 2,
    }


def track(value: float, interval: tuple[float, float]) -> dict[str, str]:
    """The variables of the part `track`: a value and its interval between 0 and 1.

    >>> track(0.5, (0.25, 0.75))
    {'left': '25.00', 'width': '50.00', 'dot': '50.00'}
    """
    low, high = (100 * end for end in interval)
    return {
        "left": f"{low:.2f}",
        "width": f"{high - low:.2f}",
        "dot": f"{100 * value:.2f}",
    }


def _inline(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _size(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG, from its header."""
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def _templates() -> pathlib.Path:
    return pathlib.Path(__file__).parent / "templates"


def _or_dash(form: Any) -> Any:
    return lambda value: "–" if value is None else form(value)


def _short(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {_short(value)}" for name, value in values.items()) or "–"
