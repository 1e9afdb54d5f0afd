"""Several rounds of one purifier, with a noise level each.

Constant levels repeat the purifier; levels falling geometrically anneal it. The
released configurations of ADP have 5 rounds at 0.05 to 0.15, or from 0.20 or 0.25 down
to 0.05.

Source: the released code of Yoon et al. 2021 (arXiv 2106.06041), `adp_iter` and
`adp_iter_step`.
"""

from dataclasses import dataclass

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import _checks as checks
from purifax import recipe
from purifax.purify.adp import adaptive
from purifax.purify.adp_climb import Climb
from purifax.purify.prior import Prior
from purifax.recipe import typed
from purifax.transform import remat
from purifax.types import Purifier

__all__ = [
    "Rounds",
    "rounds",
]


@checks.checked(x=checks.in_scale)
def rounds(
    key: Array,
    x: Array,
    purifier: Purifier,
    sigmas: Array,
    *,
    scan: remat.Scan | None = None,
) -> Array:
    """Purify again and again, round r with noise `sigmas[r]` and its own key.

    Args:
        purifier: takes the keyword `sigma`, such as a bound `adaptive`.
        sigmas: [R].
        scan: what the gradient keeps of the rounds, and of the steps in each: the
            purifier then takes it as a keyword too. None is the default of both.

    >>> add = lambda key, x, sigma: x + sigma
    >>> rounds(jax.random.key(0), jnp.zeros(()), add, jnp.array([0.5, 0.25]))
    Array(0.75, dtype=float32)
    """

    within = {} if scan is None else {"scan": scan}

    def again(x: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
        r, sigma = at
        key_r = jax.random.fold_in(key, r)
        return purifier(key_r, x, sigma=sigma, **within), None  # pyright: ignore[reportCallIssue]

    over = remat.auto if scan is None else scan
    return over(again, x, (jnp.arange(sigmas.shape[0]), sigmas))[0]


@dataclass(frozen=True)
@typed
class Rounds(Climb):
    """ADP in several rounds, each with a noise level of its own.

    Source: the released code of Yoon et al. 2021 (arXiv 2106.06041).

    Attributes:
        sigmas: noise level of each round.
    """

    sigmas: tuple[float, ...] = (0.15, 0.125, 0.1, 0.075, 0.05)

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "sigmas", 0)
        if not self.sigmas:
            raise ValueError(
                f"Rounds.sigmas needs a level of 0 or more a round; got {self.sigmas}."
            )

    def build(self, prior: Prior) -> Purifier:
        """The purifier with its exact gradient."""
        return self._rounds(self.bound(adaptive, prior))

    def build_frozen(self, prior: Prior) -> Purifier:
        """The same images; step sizes are constants to the gradient."""
        return self._rounds(self.bound(adaptive, prior, frozen=True))

    def build_short(self, prior: Prior, steps: int) -> Purifier:
        """The first steps of each round alone, as a surrogate."""
        return self._rounds(self.bound(adaptive, prior, steps=steps))

    def _rounds(self, purifier: Purifier) -> Purifier:
        return Partial(rounds, purifier=purifier, sigmas=jnp.array(self.sigmas))

    def calls(self) -> int:
        """Network evaluations of one run."""
        return super().calls() * len(self.sigmas)

    def words(self) -> str:
        """The noise in words."""
        levels = ", ".join(f"{sigma:g}" for sigma in self.sigmas)
        return f"noise {self.noise}, of sigma {levels}, {self.steps} steps"
