"""What purifiers know of natural images: a score, and what goes with its network."""

import pathlib
from dataclasses import dataclass, replace

from purifax import nets, score, weights
from purifax.noise import Process
from purifax.sample.ancestral import Variance
from purifax.types import Energy, Score

__all__ = ["Prior", "load"]


@dataclass(frozen=True)
class Prior:
    """A score of natural images.

    Attributes:
        noise: the process whose times the network knows; None if it knows sigma alone.
        variance: of ancestral steps, where the network has learned it.
        network: what the score was made of; None if that is no network.
        energy: what has this score, E of p ~ exp(-E / T); None where there is none.
        temperature: T; None where it is the noise level, at every level.
    """

    score: Score
    noise: Process | None = None
    variance: Variance | None = None
    network: nets.Network | None = None
    energy: Energy | None = None
    temperature: float | None = None


def load(place: str | pathlib.Path, energy: str | pathlib.Path = "") -> Prior:
    """The prior of a work directory, whatever its network predicts.

    The score of an energy that was trained by its own samples is the same at every
    level.

    Args:
        energy: another work directory, whose energy goes beside the score; "" is none.

    Raises:
        FileNotFoundError: no such folder, or no network or checkpoint in it.
        ValueError: it is a classifier, or the energy none, or of other images.
    """
    return _beside(_load(place), place, energy) if energy else _load(place)


def _beside(
    prior: Prior, place: str | pathlib.Path, energy: str | pathlib.Path
) -> Prior:
    other, shapes = _load(energy), map(weights.image_shape, (place, energy))
    if other.energy is None:
        raise ValueError(f"{energy} gives no energy; train one, as digits_ebm does.")
    mine, its = shapes
    if mine != its:
        raise ValueError(
            f"the score of {place} takes images {mine} and the energy of {energy} "
            f"{its}; they must be of the same images."
        )
    return replace(prior, energy=other.energy, temperature=other.temperature)


def _load(place: str | pathlib.Path) -> Prior:
    if weights.role(place) == "energy":
        tempered = weights.energy(place)
        raw, heat = tempered.energy, float(tempered.temperature)
        return Prior(
            score.from_energy(tempered), network=raw, energy=raw, temperature=heat
        )
    words, network = weights.prediction(place), weights.load(place)
    learned = words.predicts == "noise_and_variance"
    return Prior(
        words.score(network),
        words.noise(),
        words.variance(network) if learned else None,
        network,
        network if words.predicts == "scaled_energy" else None,
    )
