"""The prediction type of a network, in plain values, and the score it gives.

A trained network maps an image and a level to one of

    scaled_score        sigma score(x, sigma), given x in [0, 1] and sigma
    scaled_energy       E whose -dE/dx is sigma score(x, sigma), given x in [0, 1]
    noise               the unit noise z of x_t, given x_t and t
    noise_and_variance  the same, and as many channels again that place the variance of
                        an ancestral step between its bounds, from -1 to 1
    velocity            a z - s u, given x_t and t, where x_t = a u + s z
    denoised            the clean image u, given x_t and t

in the coordinates u = width (x - centre) and under a noise process: x_t = a(t) (u +
width sigma(t) z). The network is given `label_start` + `label_scale` t as its time.

Source: Ho et al. 2020, arXiv 2006.11239 (noise); Nichol and Dhariwal 2021, arXiv
2102.09672 (variance); Salimans and Ho 2022, arXiv 2202.00512 (velocity); Karras et al.
2022, arXiv 2206.00364 (denoised, under `EDM`).
"""

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import sample, score
from purifax.noise import Process
from purifax.noise.names import by_name as process
from purifax.sample.ddpm import Variance
from purifax.types import Score, as_pytree

__all__ = ["PREDICTIONS", "Prediction", "process"]

PREDICTIONS = (
    "scaled_score",
    "scaled_energy",
    "noise",
    "noise_and_variance",
    "velocity",
    "denoised",
)
_IN_PIXELS = ("scaled_score", "scaled_energy")


@dataclass(frozen=True)
class Prediction:
    """What a network predicts, in the plain values of ``network.json``.

    Attributes:
        predicts: one of `PREDICTIONS`.
        process: the name and numbers of `process`, {"name": "linear", "length": 1000}.
            A scaled score or energy needs none; with one, its levels have times.
        centre, width: of the coordinates u; 0.5 and 2 are [-1, 1]. They do not apply to
            a scaled score or energy, whose input is in [0, 1].
        label_scale: factor on t in the input of the network.
        label_start: its input at time 0; a negative `label_scale` counts down from it.

    Raises:
        ValueError: an unknown prediction, or one without its process.

    >>> Prediction("noise", {"name": "linear"}).noise().width
    2.0
    """

    predicts: str = "scaled_score"
    process: Mapping[str, Any] | None = None
    centre: float = 0.5
    width: float = 2.0
    label_scale: float = 1.0
    label_start: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a prediction from which no score follows."""
        if self.predicts not in PREDICTIONS:
            near = difflib.get_close_matches(self.predicts, PREDICTIONS, n=1)
            known = f"did you mean {near[0]}?" if near else f"known: {PREDICTIONS}."
            raise ValueError(f"a network predicts {self.predicts!r}? {known}")
        if self.noise() is None and self.predicts not in _IN_PIXELS:
            raise ValueError(f"predicting {self.predicts} needs a process.")

    def noise(self) -> Process | None:
        """The process that gives levels their times; None if none is known."""
        return None if self.process is None else process(**self.process)

    def score(self, network: Callable[..., Array]) -> Score:
        """The score of a network `(x_t, label) -> prediction`, for one image.

        It is a `Partial` whose leaves are those of the network and the numbers of the
        process.
        """
        noise = self.noise()
        if self.predicts == "scaled_energy":
            return score.from_scaled_energy(network)
        if noise is None or self.predicts == "scaled_score":
            return score.from_scaled(network)
        at = {"centre": self.centre, "width": self.width}
        bound = {"network": as_pytree(network), "label": self._label()}
        if self.predicts == "denoised":
            return score.from_denoiser(Partial(_denoised, **bound, noise=noise, **at))
        read = _unit_noise
        if self.predicts == "velocity":
            read = _noise_of_velocity
            bound |= {"noise": noise, "width": self.width}
        return score.from_process(Partial(read, **bound), noise, **at)

    def parts(self, network: Callable[..., Array]) -> Callable[..., Any]:
        """`(x, sigma) -> (f, p)` of a network that predicts noise and variance.

        f is the scaled score, and p places the variance between its bounds, from 0
        (small) to 1 (large); both are like x.
        """
        return Partial(
            _parts,
            network=as_pytree(network),
            noise=self.noise(),
            centre=self.centre,
            width=self.width,
            label=self._label(),
        )

    def variance(self, network: Callable[..., Array]) -> Variance:
        """The variance of `sample.ancestral`'s steps: learned, or the small one.

        A learned one evaluates the network at the input of the score; `jit` merges both
        evaluations.
        """
        if self.predicts != "noise_and_variance":
            return Partial(sample.small)
        fraction = Partial(_fraction, parts=self.parts(network))
        return Partial(sample.learned, fraction=fraction, width=self.width)

    def _label(self) -> tuple[float, float]:
        return self.label_start, self.label_scale

    def words(self) -> dict[str, Any]:
        """The entries in ``network.json``; `Prediction(**words)` is this one again."""
        if self.process is None:
            return {"predicts": self.predicts}
        return dataclasses.asdict(self) | {"process": dict(self.process)}


def _unit_noise(
    x_t: Array, t: Array, network: Callable[..., Array], label: tuple[Array, Array]
) -> Array:
    """The first channels, as many as the image has."""
    return network(x_t, _at(t, label))[..., : x_t.shape[-1]]


def _noise_of_velocity(
    x_t: Array,
    t: Array,
    network: Callable[..., Array],
    label: tuple[Array, Array],
    noise: Process,
    width: Array,
) -> Array:
    """z = (s x_t + a v) / (a^2 + s^2)."""
    a = noise.scale(t).astype(x_t.dtype)
    s = jnp.asarray(a * noise.sigma(t) * width, x_t.dtype)
    v = network(x_t, _at(t, label))
    return (s * x_t + a * v) / (jnp.square(a) + jnp.square(s))


def _denoised(
    x: Array,
    sigma: Array,
    network: Callable[..., Array],
    label: tuple[Array, Array],
    noise: Process,
    centre: Array,
    width: Array,
) -> Array:
    x_t, t = _in_process(x, sigma, noise, centre, width)
    return network(x_t, _at(t, label)) / width + centre


def _parts(
    x: Array,
    sigma: Array,
    network: Callable[..., Array],
    label: tuple[Array, Array],
    noise: Process,
    centre: Array,
    width: Array,
) -> tuple[Array, Array]:
    x_t, t = _in_process(x, sigma, noise, centre, width)
    z, place = jnp.split(network(x_t, _at(t, label)), 2, axis=-1)
    return -z, (place + 1) / 2


def _fraction(x: Array, sigma: Array, parts: Callable[..., Any]) -> Array:
    return parts(x, sigma)[1]


def _at(t: Array, label: tuple[Array, Array]) -> Array:
    """The label of a time."""
    start, scale = label
    return start + t * scale


def _in_process(
    x: Array, sigma: Array, noise: Process, centre: Array, width: Array
) -> tuple[Array, Array]:
    """x_t and t of an image at level sigma."""
    t = noise.time(sigma)
    return jnp.asarray(noise.scale(t) * width, x.dtype) * (x - centre), t
