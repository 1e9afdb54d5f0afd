"""PureGen as a method of a `Defence`: an energy's chain, then a diffusion, in rounds.

In the paper's terms, T = (`steps`, `time`, `repeats`) and k = `fraction`, where `steps`
may be 0. The diffusion goes down label by label. At test time there is no set to rank,
so the limit of the filter is that energy which a share k of clean validation images
exceeds.
"""

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import purify, sample
from purifax.evaluation.methods import walking
from purifax.evaluation.methods.diffusing import variance
from purifax.evaluation.methods.method import Calibration, How, Method
from purifax.evaluation.settings import Defence
from purifax.noise import VPDiscrete
from purifax.purify.prior import Prior
from purifax.types import Purifier

__all__ = ["METHODS"]


def _check(defence: Defence) -> None:
    walking.METHODS["langevin"].check(defence)
    time = _label(defence)
    if not float(time).is_integer() or time < 1:
        raise ValueError(
            f"defence.method={defence.method} needs defence.time, a label of the "
            f"chain from 1; got {defence.time}."
        )
    if len(_rounds(defence)) != 1 or min(_rounds(defence)) < 1:
        raise ValueError(
            "defence.repeats must be one number of rounds, 1 or more; got "
            f"{defence.repeats}."
        )
    if not 0 < defence.fraction <= 1:
        raise ValueError(f"defence.fraction must be in (0, 1]; got {defence.fraction}.")


def _label(defence: Defence) -> float:
    return 0 if defence.time is None else defence.time


def _rounds(defence: Defence) -> tuple[int, ...]:
    return defence.repeats or (1,)


def _puregen(defence: Defence, prior: Prior, how: How) -> Purifier:
    """A diffusion whose first step is one from the label it was noised to."""
    shares = {"sampler": Partial(sample.ancestral, variance=variance(defence, prior))}
    return _combined(defence, prior, how, Partial(purify.diffuse, **shares))


def _puregen_code(defence: Defence, prior: Prior, how: How) -> Purifier:
    """With the diffusion of the released program, which is one label off."""
    return _combined(defence, prior, how, Partial(purify.puregen_ddpm))


def _combined(defence: Defence, prior: Prior, how: How, diffusion: Partial) -> Purifier:
    if prior.energy is None:
        raise ValueError(
            f"defence.method={defence.method} needs an energy beside its score: "
            "--config.energy=the work directory of one."
        )
    if not isinstance(prior.noise, VPDiscrete):
        raise ValueError(
            f"defence.method={defence.method} needs the score of a chain of labels, "
            "such as cifar10_ddpm's."
        )
    labels = jnp.arange(int(_label(defence)), -2, -1)
    if how.steps:
        labels = _thinned(labels, how.steps / max(defence.steps, 1))
    walk = walking.METHODS["langevin"].build(defence, prior, how)
    bound = {"score": prior.score, "noise": prior.noise, "times": labels}
    purifier = Partial(
        purify.puregen_rounds,
        purifiers=[walk, Partial(diffusion, **bound)],
        draws=jnp.arange(*_rounds(defence)),
    )
    if defence.fraction == 1:
        return purifier
    return Partial(
        purify.filtered, purifier=purifier, energy=prior.energy, limit=how.limit
    )


def _thinned(labels: Array, share: float) -> Array:
    """As large a share of the diffusion's steps as of the chain's, two at least."""
    steps = min(len(labels) - 1, max(2, round(share * (len(labels) - 1))))
    even = jnp.linspace(labels[0], labels[-1], steps + 1)
    return jnp.round(even).astype(labels.dtype)


def _limit(defence: Defence) -> Calibration | None:
    return None if defence.fraction == 1 else Partial(_highest, defence)


def _highest(defence: Defence, prior: Prior, images: Array) -> Array:
    """The energy above which the share `fraction` of these images lies."""
    energies = jax.lax.map(prior.energy, images, batch_size=64)
    return jnp.quantile(energies, 1 - defence.fraction)


def _calls(defence: Defence) -> int:
    each = defence.steps + 1 + int(_label(defence)) + 1
    return each * _rounds(defence)[0] + (defence.fraction < 1)


def _manner(defence: Defence) -> str:
    share = f", of the {defence.fraction:.0%} of highest energy"
    return (
        f"of {defence.epsilon:g} a Langevin step and then of label "
        f"{_label(defence):g}, in {_rounds(defence)[0]} round(s)"
        f"{share if defence.fraction < 1 else ''}"
    )


_COMMON = {"check": _check, "least": 0, "limit": _limit, "manner": _manner}
METHODS = {
    "puregen": Method(_puregen, _calls, **_COMMON),
    "puregen_code": Method(_puregen_code, _calls, **_COMMON),
}
