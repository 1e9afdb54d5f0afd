"""Published trainings of energies, as plain numbers; named by their source.

PureGen's paper and its code disagree, so both are here. Lengths are those published:
in images from -1 to 1; `step_sizes` and `sigma` are in [0, 1] pixel units.

Source: Hill et al. 2021, arXiv 2005.13525; Hill et al. 2022, arXiv 2205.12243; Bhat et
al. 2024, arXiv 2405.18627, and the code released with each.
"""

from dataclasses import dataclass
from typing import Any

from jax import Array

from purifax.schedule import noise_steps

__all__ = ["RECIPES", "Published", "recipe"]


@dataclass(frozen=True)
class Published:
    """How an energy is trained by maximum likelihood.

    Attributes:
        network: in `purifax.nets`.
        epsilon: noise of a Langevin step, in images from -1 to 1.
        temperature: T of p ~ exp(-E / T).
        steps: of Langevin for each update.
        chains: in the bank; None is one for each training image.
        start: of the bank, "data" or "noise".
        rejuvenation: probability that a chain starts again at a visit.
        renewed: "data", or "noised data", which is noised once more.
        before: whether chains start again before the run, or else after it.
        data_noise: added to positives, in images from -1 to 1.
        batch: positives, and as many negatives.
        updates: in all.
        rates: (update, optimiser, learning rate), from that update on. Of "sgd" the
            loss is (E(positive) - E(negative)) / T, as of "adam".
        ema: decay of the averaged weights; 0 keeps none.
    """

    network: str
    epsilon: float
    temperature: float
    steps: int
    chains: int | None
    start: str
    rejuvenation: float
    renewed: str
    before: bool
    data_noise: float
    batch: int
    updates: int
    rates: tuple[tuple[int, str, float], ...]
    ema: float = 0.0

    def step_sizes(self) -> Array:
        """Of the Langevin chains, [steps], in [0, 1] pixel units.

        >>> round(float(recipe("pureebm_code").step_sizes()[0]) * 1e6, 2)
        19.53
        """
        return noise_steps(self.epsilon, self.steps)

    @property
    def sigma(self) -> float:
        """Noise of positives, in [0, 1] pixel units."""
        return self.data_noise / 2


# 120 epochs of 546 updates of 128 images, and the rate falls at epochs 40, 75 and 100.
_CODE: dict[str, Any] = {
    "network": "SNGANEnergy",
    "epsilon": 1.25e-2,
    "temperature": 1e-4,
    "steps": 100,
    "chains": 10_112,
    "start": "data",
    "rejuvenation": 0.05,
    "renewed": "noised data",
    "before": False,
    "data_noise": 1.5e-2,
    "batch": 128,
    "updates": 65_520,
    "rates": tuple(
        (546 * epoch, "adam", rate)
        for epoch, rate in ((0, 1e-4), (40, 1e-5), (75, 1e-6), (100, 1e-7))
    ),
}

# Their network has the step folded in, and their SGD the rate 5e-5 epsilon^2 / 2 of the
# loss over epsilon^2 / 2.
_STOCHASTIC: dict[str, Any] = {
    "network": "LightEnergy",
    "epsilon": 1e-2,
    "temperature": 1e-2**2 / 2,
    "steps": 100,
    "chains": None,
    "start": "noise",
    "rejuvenation": 0.0,
    "renewed": "data",
    "before": False,
    "data_noise": 2e-2,
    "batch": 100,
    "updates": 250_000,
    "rates": ((0, "adam", 1e-4), (125_000, "sgd", 5e-5 * 1e-2**2 / 2)),
}

_LIFE_CYCLE: dict[str, Any] = {
    "network": "SNGANEnergy",
    "epsilon": 1e-2,
    "temperature": 1e-4,
    "steps": 100,
    "chains": 20_000,
    "start": "data",
    "rejuvenation": 0.025,
    "renewed": "data",
    "before": True,
    "data_noise": 2e-2,
    "batch": 128,
    "updates": 150_000,
    "rates": tuple(
        (update, "adam", rate)
        for update, rate in (
            (0, 1e-4),
            (50_000, 1e-5),
            (75_000, 1e-6),
            (100_000, 1e-7),
            (125_000, 1e-8),
        )
    ),
    "ema": 0.9999,
}

# The table beside PureGen's algorithm 2: Stochastic Security's numbers with another
# network, SGD from the start, and T = 100 for the Langevin steps. It names no
# temperature, so the step is folded in here too.
_PAPER: dict[str, Any] = _STOCHASTIC | {
    "network": "SNGANEnergy",
    "updates": 150_000,
    "rates": ((0, "sgd", 5e-5 * 1e-2**2 / 2),),
}

_SVHN: dict[str, Any] = _STOCHASTIC | {
    "epsilon": 1.75e-2,
    "temperature": 1.75e-2**2 / 2,
    "data_noise": 3e-2,
    "rates": ((0, "adam", 1e-4), (125_000, "sgd", 2.5e-5 * 1.75e-2**2 / 2)),
}

RECIPES: dict[str, Published] = {
    "pureebm_code": Published(**_CODE),
    "pureebm_paper": Published(**_PAPER),
    "stochastic_security": Published(**_STOCHASTIC),
    "stochastic_security_svhn": Published(**_SVHN),
    "ebm_life_cycle": Published(**_LIFE_CYCLE),
}
"""By name. "ebm_life_cycle" is its variant for CIFAR-10 with a bank of data; the others
of its code start chains from a generator of their own.
"""


def recipe(name: str) -> Published:
    """The recipe of a name.

    Raises:
        ValueError: there is none.

    >>> recipe("stochastic_security").network
    'LightEnergy'
    """
    if name not in RECIPES:
        known = ", ".join(RECIPES)
        raise ValueError(f"there is no recipe {name!r}; known: {known}.")
    return RECIPES[name]
