"""Priors from work directories: the score, and what else its network gives."""

import pathlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jax import numpy as jnp

from purifax import nets, score, weights
from purifax.purify.prior import Prior
from purifax.recipe.spelling import nearest
from purifax.weights import network_folders

__all__ = ["DTYPES", "load"]

DTYPES = ("float32", "bfloat16")


def load(
    place: str | pathlib.Path,
    energy: str | pathlib.Path = "",
    dtype: str = "",
    *,
    trust: Sequence[str] | str = (),
) -> Prior:
    """Load the prior of a work directory, whatever its network predicts.

    The score of an energy that was trained by its own samples is the same at every
    level.

    Args:
        place: as in `weights.load`.
        energy: another work directory, whose energy is added to the prior; "" is none.
        dtype: in which both compute, one of `DTYPES`; "" is that of their training.
        trust: as in `weights.load`.

    Raises:
        FileNotFoundError: no such folder, or no network or checkpoint in it.
        ValueError: the network is a classifier; `energy` holds no energy or one of
            images of another shape; the dtype is unknown, or the network cannot compute
            in it; or as in `weights.load`.
    """
    if dtype and dtype not in DTYPES:
        raise ValueError(
            f"dtype is {dtype!r}, which is unknown{nearest(dtype, DTYPES)}"
        )
    prior = _load(place, dtype, trust)
    if not energy:
        return prior
    other = _load(energy, dtype, trust)
    if other.energy is None:
        raise ValueError(f"{energy} gives no energy; train one, as digits_ebm does.")
    first, second = map(weights.image_shape, (place, energy))
    if first != second:
        raise ValueError(
            f"the score of {place} takes images {first} and the energy of {energy} "
            f"{second}; they must be of the same images."
        )
    return replace(prior, energy=other.energy, temperature=other.temperature)


def _load(place: str | pathlib.Path, dtype: str, trust: Sequence[str] | str) -> Prior:
    if weights.role(place) == "energy":
        tempered = weights.energy(place, trust=trust)
        raw, heat = _typed(tempered.energy, dtype), float(tempered.temperature)
        slope = score.from_energy(replace(tempered, energy=raw))
        return Prior(slope, network=raw, energy=raw, temperature=heat)
    words = weights.prediction(place)
    network = _typed(weights.load(place, trust=trust), dtype)
    coder = network_folders.autoencoder(place)
    if coder is not None:
        coder = _typed(coder, dtype)
        coder = nets.encoder(coder), nets.decoder(coder), words.width
    learned = words.predicts == "noise_and_variance"
    return Prior(
        words.score(network),
        words.noise(),
        words.variance(network) if learned else None,
        network,
        network if words.predicts == "scaled_energy" else None,
        autoencoder=coder,
    )


def _typed(network: Any, dtype: str) -> Any:
    """The network with the same parameters, in float32, that computes in a dtype."""
    if not dtype:
        return network
    module = getattr(network, "module", None)
    if not hasattr(module, "dtype"):
        raise ValueError(
            f"dtype is {dtype!r}, but {network!r} has no field `dtype` that says in "
            "which it computes; leave dtype empty."
        )
    module = network.module.clone(dtype=jnp.dtype(dtype).type)
    return replace(network, module=module)
