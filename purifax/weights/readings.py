"""Neighbouring readings of a network: other conventions that its arrays would also fit.

A reading is a function of the network, `(x_t, label) -> prediction`, that gives a
score. Those of one network differ in what is predicted, in the noise process, in the
label of a level, and in the range of pixels.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from jax import Array
from jax import numpy as jnp

from purifax import score
from purifax.types import Score
from purifax.weights.predictions import Prediction

__all__ = ["Reading", "neighbours"]

Reading = Callable[[Callable[..., Array]], Score]

_PREDICTED = {
    "noise": ("denoised", "velocity"),
    "noise_and_variance": ("denoised", "velocity"),
    "velocity": ("noise", "denoised"),
    "denoised": ("noise", "velocity"),
}
_RANGES = {"[-1, 1]": (0.5, 2.0), "[0, 1]": (0.0, 1.0), "[-1/2, 1/2]": (0.5, 1.0)}


def neighbours(predicts: Prediction) -> dict[str, Reading]:
    """Readings by what they change.

    >>> "process SubVP" in neighbours(Prediction("noise", {"name": "VP"}))
    True
    """
    if predicts.predicts == "scaled_energy":
        return {}
    if predicts.predicts == "scaled_score":
        return dict(_SCALED)
    made: dict[str, Reading] = {}
    for kind in _PREDICTED[predicts.predicts]:
        other = dataclasses.replace(predicts, predicts=kind)
        made[f"predicts {'the clean image' if kind == 'denoised' else kind}"] = (
            other.score
        )
    process = dict(predicts.process or {})
    for words in _processes(process):
        other = dataclasses.replace(predicts, process=words["process"])
        other = dataclasses.replace(other, label_scale=words["label_scale"])
        made[f"process {words['process']['name']}"] = other.score
    for name, (centre, width) in _RANGES.items():
        if (centre, width) != (predicts.centre, predicts.width):
            own = {"width": width} if process["name"] != "VE" else {}
            wider = process | own  # the levels of VE are those of pixels
            made[f"images in {name}"] = dataclasses.replace(
                predicts, process=wider, centre=centre, width=width
            ).score
    return made | _labels(predicts)


def _processes(process: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The other processes that keep the variance, with the scale of their labels."""
    name, length = process["name"], process.get("length", 1000)
    if name not in ("VP", "SubVP", "linear", "cosine", "betas"):
        return []
    if name == "betas":
        length = len(process["betas"])
    width = {"width": process["width"]} if "width" in process else {}
    linear = {"length": length, "first": 0.1 / length, "last": 20 / length}
    others = [
        ({"name": "VP"} | width, length - 1.0),
        ({"name": "SubVP"} | width, length - 1.0),
        ({"name": "linear"} | linear | width, 1.0),
        ({"name": "cosine", "length": length} | width, 1.0),
    ]
    return [
        {"process": words, "label_scale": scale}
        for words, scale in others
        if words["name"] != name
    ]


def _labels(predicts: Prediction) -> dict[str, Reading]:
    """Other labels of the same times."""
    process = dict(predicts.process or {})
    if process.get("name") == "EDM":
        return {
            f"label {words}": _relabelled(predicts, change)
            for words, change in _OF_LEVELS.items()
        }
    length = process.get("length", len(process.get("betas", range(1000))))
    last = length - 1.0 if process["name"] in ("linear", "cosine", "betas") else 1.0
    scales = {"k": 1.0, "1000 k / T": 1000 / length, "k / T": 1 / length}
    if last == 1.0:
        scales = {"999 t": 999.0, "t": 1.0}
    made = {
        f"label {words}": dataclasses.replace(predicts, label_scale=scale).score
        for words, scale in scales.items()
        if abs(scale / predicts.label_scale - 1) > 0.01
    }
    end = predicts.label_scale * last
    return made | {"label reversed": _relabelled(predicts, lambda k: end - k)}


def _relabelled(predicts: Prediction, change: Callable[[Array], Array]) -> Reading:
    def read(network: Callable[..., Array]) -> Score:
        return predicts.score(lambda x, label, *more: network(x, change(label), *more))

    return read


_OF_LEVELS: dict[str, Callable[[Array], Array]] = {
    "2 sigma": lambda sigma: 2 * sigma,
    "sigma / 2": lambda sigma: sigma / 2,
    "1 / sigma": lambda sigma: 1 / jnp.maximum(sigma, 1e-6),
}


def _scaled(change: Callable[[Array], Array]) -> Reading:
    def read(network: Callable[..., Array]) -> Score:
        return score.from_scaled(lambda x, sigma: network(x, change(sigma)))

    return read


def _of_score(network: Callable[..., Array]) -> Score:
    return lambda x, sigma: network(x, sigma)


def _of_clean(network: Callable[..., Array]) -> Score:
    return score.from_denoiser(lambda x, sigma: network(x, sigma))


def _in_wide_pixels(network: Callable[..., Array]) -> Score:
    return score.from_scaled(lambda x, sigma: network(2 * x - 1, 2 * sigma))


_SCALED: dict[str, Reading] = {
    "predicts the score": _of_score,
    "predicts the clean image": _of_clean,
    "images in [-1, 1]": _in_wide_pixels,
} | {f"label {words}": _scaled(change) for words, change in _OF_LEVELS.items()}
