"""What purifiers know of natural images: a score, and what goes with its network."""

import pathlib
from dataclasses import replace
from typing import cast

from jax import numpy as jnp

from purifax import nets, score, weights
from purifax.purify.prior import Prior
from purifax.recipe import nearest

__all__ = ["DTYPES", "load"]

DTYPES = ("float32", "bfloat16")


def load(
    place: str | pathlib.Path, energy: str | pathlib.Path = "", dtype: str = ""
) -> Prior:
    """The prior of a work directory, whatever its network predicts.

    The score of an energy that was trained by its own samples is the same at every
    level.

    Args:
        energy: another work directory, whose energy goes beside the score; "" is none.
        dtype: what both compute in, one of `DTYPES`; "" is what they were trained in.

    Raises:
        FileNotFoundError: no such folder, or no network or checkpoint in it.
        ValueError: it is a classifier, or the energy none, or of other images; or the
            dtype is unknown.
    """
    if dtype and dtype not in DTYPES:
        raise ValueError(
            f"dtype is {dtype!r}, which is unknown{nearest(dtype, DTYPES)}"
        )
    found = _load(place, dtype)
    return _beside(found, place, energy, dtype) if energy else found


def _beside(
    prior: Prior, place: str | pathlib.Path, energy: str | pathlib.Path, dtype: str
) -> Prior:
    other, shapes = _load(energy, dtype), map(weights.image_shape, (place, energy))
    if other.energy is None:
        raise ValueError(f"{energy} gives no energy; train one, as digits_ebm does.")
    first, second = shapes
    if first != second:
        raise ValueError(
            f"the score of {place} takes images {first} and the energy of {energy} "
            f"{second}; they must be of the same images."
        )
    return replace(prior, energy=other.energy, temperature=other.temperature)


def _load(place: str | pathlib.Path, dtype: str) -> Prior:
    if weights.role(place) == "energy":
        tempered = weights.energy(place)
        network = cast(nets.Network, tempered.energy)  # as `weights.energy` loads it
        raw, heat = _typed(network, dtype), float(tempered.temperature)
        given = score.from_energy(replace(tempered, energy=raw))
        return Prior(given, network=raw, energy=raw, temperature=heat)
    words, network = weights.prediction(place), _typed(weights.load(place), dtype)
    learned = words.predicts == "noise_and_variance"
    return Prior(
        words.score(network),
        words.noise(),
        words.variance(network) if learned else None,
        network,
        network if words.predicts == "scaled_energy" else None,
    )


def _typed(network: nets.Network, dtype: str) -> nets.Network:
    """The network with the same parameters, in float32, that computes in a dtype."""
    if not dtype:
        return network
    module = network.module.clone(dtype=jnp.dtype(dtype).type)
    return nets.Network(module, network.variables)
