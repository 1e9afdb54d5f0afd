"""What purifiers know of natural images: a score, an energy, a noise process."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from jax import Array

from purifax.noise import Process
from purifax.sample.ddpm import Variance
from purifax.types import Energy

__all__ = ["Prior", "States"]


@dataclass(frozen=True)
class Prior:
    """What a purifier is built from; the parts that were not given are None.

    Attributes:
        score: `score(x, sigma) -> like x`.
        noise: the process whose times the network knows; None if it knows sigma alone.
        variance: of ancestral steps, where the network has learned it.
        network: what the score was made of; None if that is no network.
        energy: E of p ~ exp(-E / T); None where there is none.
        temperature: T; None where it is the noise level, at every level.
        autoencoder: (encode, decode, width) where the score is one of latents; see
            `purify.latent`.
    """

    score: Any = None
    noise: Process | None = None
    variance: Variance | None = None
    network: Any = None
    energy: Energy | None = None
    temperature: float | None = None
    autoencoder: tuple[Any, Any, float] | None = None


class States(NamedTuple):
    """The states of a purifier, and where DiffAttack would have them.

    Attributes:
        path: `path(key, x) -> [T + 1, H, W, C]`, the purified image last.
        reference: the states they are led away from; None is the clean image's path.
        steps: how many there are after the first, T.
    """

    path: Callable[[Array, Array], Array]
    reference: Callable[[Array, Array], Array] | None
    steps: int
