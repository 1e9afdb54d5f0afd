"""Images: what an attack adds, what purification removes, and in which steps."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from purifax.report.pictures import Pictures
from purifax.report.plots import PNG, Drawing, Theme, canvas, literal, saved

__all__ = ["film", "grid", "rows"]

SHOWN = 8
"""Images side by side; more would be too small on a telephone."""

_TITLE, _NAMES, _HEAD = 1.5, 1.1, 0.35
"""Inches left of the images for the titles of the rows, inches left of them for names
of classes alone, and inches above them for the classes or the steps."""


def rows(pictures: Pictures) -> list[tuple[str, np.ndarray, np.ndarray | None]]:
    """(title, images [P, H, W, C] in [0, 1], classes [P] or None) from top to bottom.

    Differences are shown around grey, both enlarged by the same factor: the one that
    lets the larger of them just fit.
    """
    clean, attacked, purified = (
        np.clip(np.asarray(v, np.float32)[:SHOWN], 0.0, 1.0)
        for v in (pictures.clean, pictures.attacked, pictures.purified)
    )
    added, left = attacked - clean, purified - clean
    enlarge = 0.5 / max(float(np.max(np.abs(added))), 1e-6)
    return [
        ("clean", clean, pictures.clean_class),
        ("attacked", attacked, pictures.attacked_class),
        (f"attacked − clean\n× {enlarge:.2g}", _around_grey(added, enlarge), None),
        ("purified", purified, pictures.purified_class),
        (f"purified − clean\n× {enlarge:.2g}", _around_grey(left, enlarge), None),
    ]


def grid(pictures: Pictures, theme: Theme, formats: Sequence[str] = PNG) -> Drawing:
    """The grid, with the predicted class under each image."""
    layers = rows(pictures)
    label = np.asarray(pictures.label)[:SHOWN]
    heights = [1.3 if classes is not None else 1.1 for _, _, classes in layers]
    tops = np.cumsum([_HEAD, *heights])
    width, height = _TITLE + 1.1 * len(label), float(tops[-1])
    with canvas(width, height, theme) as figure:
        axis = figure.add_axes((0.0, 0.0, 1.0, 1.0), xlim=(0, width), ylim=(height, 0))
        axis.set_axis_off()
        for column, true in enumerate(label):
            centre = _TITLE + 1.1 * column + 0.5
            name = _name(pictures, int(true))
            axis.text(
                centre, _HEAD - 0.1, name, ha="center", va="bottom", weight="bold"
            )
        for top, (title, images, classes) in zip(tops, layers, strict=False):
            axis.text(_TITLE - 0.15, top + 0.5, title, ha="right", va="center")
            for column, image in enumerate(images):
                left = _TITLE + 1.1 * column
                _show(axis, image, left, float(top))
                if classes is not None:
                    predicted = int(np.asarray(classes)[column])
                    words = _name(pictures, predicted)
                    right = predicted == int(label[column])
                    _caption(axis, words, right, left + 0.5, float(top) + 1.04, theme)
        return saved(figure, formats)


def film(
    pictures: Pictures, theme: Theme, formats: Sequence[str] = PNG
) -> Drawing | None:
    """The states of a purification sample, one image a row; None without states."""
    if pictures.film is None or not pictures.steps:
        return None
    states = np.clip(np.asarray(pictures.film, np.float32), 0.0, 1.0)
    attacked = np.clip(np.asarray(pictures.attacked, np.float32), 0.0, 1.0)
    heads = ["attacked", *(f"step {step}" for step in pictures.steps)]
    width, height = _NAMES + 1.1 * len(heads), _HEAD + 1.1 * len(states)
    with canvas(width, height, theme) as figure:
        axis = figure.add_axes((0.0, 0.0, 1.0, 1.0), xlim=(0, width), ylim=(height, 0))
        axis.set_axis_off()
        for column, head in enumerate(heads):
            centre = _NAMES + 1.1 * column + 0.5
            axis.text(centre, _HEAD - 0.1, head, ha="center", va="bottom")
        for row, shown in enumerate(states):
            top, name = _HEAD + 1.1 * row, _name(pictures, int(pictures.label[row]))
            axis.text(
                _NAMES - 0.15, top + 0.5, name, ha="right", va="center", weight="bold"
            )
            for column, image in enumerate([attacked[row], *shown]):
                _show(axis, image, _NAMES + 1.1 * column, top)
        return saved(figure, formats)


def _around_grey(difference: np.ndarray, enlarge: float) -> np.ndarray:
    return np.clip(0.5 + enlarge * difference, 0.0, 1.0)


def _show(axis: Any, image: np.ndarray, left: float, top: float) -> None:  # noqa: ANN401
    axis.imshow(
        image[..., 0] if image.shape[-1] == 1 else image,
        cmap="gray",
        vmin=0.0,
        vmax=1.0,
        interpolation="nearest",
        extent=(left, left + 1.0, top + 1.0, top),
        aspect="auto",
    )


def _caption(
    axis: Any,  # noqa: ANN401
    words: str,
    right: bool,
    centre: float,
    top: float,
    theme: Theme,
) -> None:
    axis.text(
        centre,
        top,
        f"✓ {words}" if right else f"✗ {words}",
        ha="center",
        va="top",
        fontsize=9.5,
        color=theme.ink if right else theme.wrong,
        weight="normal" if right else "bold",
    )


def _name(pictures: Pictures, number: int) -> str:
    known = 0 <= number < len(pictures.names)
    return literal(pictures.names[number]) if known else str(number)
