"""Poisons without a network: LSP, AR, OPS, CUDA, URP, and those of a file."""

from dataclasses import replace

import numpy as np
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.poisoning.context import Method, Setting, by_maker, refuse
from purifax import poison
from purifax.data import foreign_poisons
from purifax.poison import Poison
from purifax.threat import L2

__all__ = ["METHODS"]


def _lsp(method: str, setting: Setting) -> Poison:
    given = setting.crafting
    count, patch = len(setting.images.names), given.lsp_patch
    clusters = poison.lsp_clusters(
        setting.key("patterns"), count, setting.shape, patch=patch
    )
    length = poison.lsp_length(setting.shape, level=given.lsp_level)
    maker = Partial(poison.lsp, clusters=clusters, length=length)
    return by_maker(method, setting, maker, L2(length))


def _ar(method: str, setting: Setting) -> Poison:
    given, (height, width, channels) = setting.crafting, setting.shape
    if given.ar_filters:
        with np.load(given.ar_filters, allow_pickle=False) as stored:
            taps = jnp.asarray(stored["coeff"], jnp.float32)
    else:
        taps = poison.ar_coefficients(
            setting.key("patterns"),
            len(setting.images.names),
            jnp.arange(given.ar_candidates),
            channels=channels,
            size=max(height, width),
            response=given.ar_response,
        )
    matrices = poison.ar_matrices(taps, height, width)
    maker = Partial(poison.autoregressive, matrices=matrices, length=given.ar_length)
    return by_maker(method, setting, maker, L2(given.ar_length))


def _ops(method: str, setting: Setting) -> Poison:
    images, labels = setting.images.images, setting.images.labels
    shortcuts = poison.one_pixel_search(
        jnp.asarray(images), jnp.asarray(labels), setting.classes
    )
    maker = Partial(poison.one_pixel, shortcuts=shortcuts)
    return by_maker(method, setting, maker, poison.Pixels(1))


def _cuda(method: str, setting: Setting) -> Poison:
    largest = setting.crafting.cuda_largest
    filters = poison.blur_filters(
        setting.key("patterns"), setting.classes, largest=largest
    )
    return by_maker(method, setting, Partial(poison.blur, filters=filters), None)


def _urp(method: str, setting: Setting) -> Poison:
    radius = setting.crafting.radius
    args = setting.key("patterns"), setting.classes, setting.shape, radius
    maker = Partial(poison.class_wise, patterns=poison.uniform_patterns(*args))
    return by_maker(method, setting, maker, setting.ball)


def _file(method: str, setting: Setting) -> Poison:
    """What somebody else has made, if it keeps the radius."""
    given = setting.crafting
    refuse(not given.file, "method 'file' reads a poison: set crafting.file.")
    bound = {
        "images": setting.images,
        "threat": setting.ball,
        "name": given.file_array,
        "target": None if given.file_class < 0 else given.file_class,
    }
    if given.file_units == "images":
        found = foreign_poisons.poisoned_images(given.file, **bound)
    else:
        found = foreign_poisons.deltas(given.file, units=given.file_units, **bound)
    return replace(found, name=method)


METHODS: dict[str, Method] = {
    "lsp": _lsp,
    "ar": _ar,
    "ops": _ops,
    "cuda": _cuda,
    "urp": _urp,
    "file": _file,
}
