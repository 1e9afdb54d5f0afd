"""Samplers in the plane: points from noise to a mixture, and how far from its law.

Points are images [1, 2, 1], so that everything runs that runs on images. Distances are
Kolmogorov and Smirnov's: the largest gap between two distribution functions, along
four lines through the plane.
"""

from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.examples.config_density import (
    Density,
)
from experiments.examples.config_mixture import (
    Mixture,
)
from purifax import sample as samplers
from purifax import schedule
from purifax import score as scores
from purifax.report.tables import aligned
from purifax.run.config import (
    encode,
)
from purifax.run.errors import UsageError
from purifax.run.progress import each
from purifax.run.workdir import versions

__all__ = [
    "ANGLES",
    "DESCENTS",
    "NAMES",
    "check",
    "distance",
    "draws",
    "mixture",
    "sample",
    "steps",
    "summary",
    "text",
]

Points = np.ndarray

ANGLES = (0.0, 45.0, 90.0, 135.0)
DESCENTS = {
    "ancestral": (samplers.ancestral, 1, {}),
    "ddim": (samplers.ddim, 1, {}),
    "ddim_half": (samplers.ddim, 1, {"eta": 0.5}),
    "sde": (samplers.sde, 1, {}),
    "euler": (samplers.euler, 1, {}),
    "heun": (samplers.heun, 2, {}),
    "heun_churned": (samplers.heun, 2, {"churn": 10.0}),
    "dpm_solver": (samplers.dpm_solver, 1, {}),
    "predictor_corrector": (samplers.predictor_corrector, 2, {}),
    "preconditioned": (samplers.preconditioned, 2, {}),
}
LADDERS = {
    "annealed_langevin": samplers.annealed_langevin,
    "momentum": samplers.momentum,
}
NAMES = (*DESCENTS, *LADDERS)


def mixture(config: Mixture | Density) -> scores.Mixture:
    """The exact score."""
    return scores.Mixture(
        means=jnp.array(config.means).reshape(-1, 1, 2, 1),
        variances=jnp.square(jnp.array(config.deviations)),
        log_weights=jnp.log(jnp.array(config.weights)),
    )


def check(config: Mixture) -> None:
    """Refuses a config that cannot be run.

    Raises:
        UsageError: a sampler is unknown.
    """
    unknown = [name for name in config.samplers if name not in NAMES]
    if unknown:
        raise UsageError(f"no sampler {unknown[0]!r}. Known: {', '.join(NAMES)}.")


def sample(config: Mixture) -> tuple[Points, dict[str, Points]]:
    """Exact draws, [points, 2], and those of every sampler.

    Raises:
        UsageError: see `check`.
    """
    check(config)
    names = config.samplers or NAMES
    oracle = mixture(config)
    k_exact, k_start, k_run = jax.random.split(jax.random.key(config.seed), 3)
    shape = (config.points, 1, 2, 1)
    starts = 0.5 + config.first * jax.random.normal(k_start, shape)
    keys = jax.random.split(k_run, config.points)
    run = jax.jit(jax.vmap(lambda key, x, one: one(key, x), in_axes=(0, 0, None)))
    found = {
        name: np.asarray(run(keys, starts, _bound(name, config, oracle)))
        for name in each("mixture", names, "sampler")
    }
    return draws(k_exact, config, config.points), {
        name: x.reshape(-1, 2) for name, x in found.items()
    }


def summary(
    config: Mixture, exact: Points, found: dict[str, Points], command: str
) -> dict[str, Any]:
    """Every number of the table, and what it depends on."""
    return {
        "config": encode(config),
        "chance": float(1.36 * np.sqrt(2 / config.points)),
        "samplers": [
            {
                "name": name,
                "steps": steps(name, config),
                "distance": max(distance(x, exact, angle) for angle in ANGLES),
            }
            for name, x in found.items()
        ],
        "command": command,
        "versions": versions(),
    }


def text(summary: dict[str, Any]) -> str:
    """The table, nearest first."""
    nearest = sorted(summary["samplers"], key=lambda row: row["distance"])
    cells = [(r["name"], str(r["steps"]), f"{r['distance']:.3f}") for r in nearest]
    bound = summary["chance"]
    calls = summary["config"]["calls"]
    return "\n".join(
        [
            aligned(("sampler", "steps", "distance"), cells),
            f"{calls} calls of the score each. Two exact samples stay below "
            f"{bound:.3f} along one line in 95 of 100 cases.",
        ]
    )


def _bound(name: str, config: Mixture, oracle: scores.Mixture) -> Partial:
    """One point's `(key, x) -> x`."""
    if name in LADDERS:
        sigmas = schedule.geometric(config.first, config.last, steps(name, config))
        verb, more = LADDERS[name], {"step_sizes": 0.2 * jnp.square(sigmas)}
    else:
        verb, _, more = DESCENTS[name]
        sigmas = schedule.karras(config.first, config.last, steps(name, config))
    if name == "preconditioned":
        more = {"filters": samplers.Filters(1.1)}
    return Partial(_last, fn=Partial(verb, score=oracle, sigmas=sigmas, **more))


def steps(name: str, config: Mixture) -> int:
    """As many as the calls allow; annealing ends with a call for denoising."""
    if name in LADDERS:
        return config.calls - (name == "annealed_langevin")
    return config.calls // DESCENTS[name][1]


def _last(key: Array, x: Array, fn: Any) -> Array:
    return fn(key, x)[0]


def draws(key: Array, config: Mixture | Density, count: int) -> Points:
    """Exact draws of the mixture, [count, 2]."""
    oracle, (k_mode, k_place) = mixture(config), jax.random.split(key)
    mode = jax.random.categorical(k_mode, oracle.log_weights, shape=(count,))
    z = jax.random.normal(k_place, (count, 2))
    means = oracle.means.reshape(-1, 2)[mode]
    return np.asarray(means + jnp.sqrt(oracle.variances)[mode][:, None] * z)


def distance(found: Points, exact: Points, angle: float) -> float:
    """The largest gap of the distribution functions along a line."""
    line = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    a, b = (np.sort(points.astype(np.float64) @ line) for points in (found, exact))
    at = np.concatenate([a, b])
    share = [np.searchsorted(x, at, "right") / len(x) for x in (a, b)]
    return float(np.abs(share[0] - share[1]).max())
