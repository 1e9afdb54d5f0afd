"""Noise processes by name, as configs and ``network.json`` write them."""

from collections.abc import Callable
from typing import Any

from jax import numpy as jnp

from purifax.noise.discrete import VPDiscrete, cosine_betas, linear_betas
from purifax.noise.process import Process
from purifax.noise.processes import EDM, VE, VP, SubVP, VPCosine
from purifax.recipe.spelling import nearest

__all__ = ["by_name"]


def _linear(*, width: float = 2.0, **numbers: Any) -> Process:
    return VPDiscrete(linear_betas(**numbers), width)


def _cosine(*, width: float = 2.0, **numbers: Any) -> Process:
    return VPDiscrete(cosine_betas(**numbers), width)


def _table(*, betas: Any, width: float = 2.0) -> Process:
    return VPDiscrete(jnp.array(betas, jnp.float32), width)


_PROCESSES: dict[str, Callable[..., Process]] = {
    "VP": VP,
    "VPCosine": VPCosine,
    "SubVP": SubVP,
    "VE": VE,
    "EDM": EDM,
    "linear": _linear,
    "cosine": _cosine,
    "betas": _table,
}


def by_name(name: str, **numbers: Any) -> Process:
    """The noise process with a name and numbers.

    Args:
        name: "VP", "VPCosine", "SubVP", "VE" or "EDM", the classes of `purifax.noise`;
            or a `VPDiscrete` of "linear" or "cosine" betas, or of a list of "betas".
        numbers: fields of the class; for "linear" the arguments of
            `discrete.linear_betas`, for "cosine" those of `discrete.cosine_betas`, for
            "betas" the list `betas`; and `width`.

    Raises:
        ValueError: an unknown name, or a number that the process does not have.

    >>> by_name("linear", length=4).betas.shape
    (4,)
    >>> by_name("VP", width=1.0).width
    1.0
    """
    if name not in _PROCESSES:
        hint = nearest(name, _PROCESSES)
        raise ValueError(f"there is no noise process {name!r}{hint}")
    try:
        return _PROCESSES[name](**numbers)
    except TypeError as error:
        raise ValueError(f"the noise process {name} cannot be made: {error}") from None
