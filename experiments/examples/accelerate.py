"""Accelerated samplers on images: how many calls of the score they save.

The distance of two sets of images is Frechet's, squared: of Gaussians with the means
and covariances of their features,

    |m - n|^2 + tr(A + B - 2 (A^(1/2) B A^(1/2))^(1/2))

once with the pixels themselves as features and once with the logits of a classifier. It
is no FID: no Inception network sees images of 8 x 8. Finite samples of one law are
apart too, by `floor`: as many training images against the same held-out ones.

Source: Heusel et al. 2017, arXiv 1706.08500 (the distance).
"""

from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from experiments.examples.config_acceleration import (
    Acceleration,
)
from purifax import data, nets, sample, schedule, weights
from purifax.evaluation import images as subjects
from purifax.evaluation import networks
from purifax.evaluation.predictions import mapped
from purifax.run import devices, workdir
from purifax.run.config import (
    encode,
)
from purifax.run.errors import UsageError
from purifax.run.progress import Progress
from purifax.sample.adaptive_momentum import matched_momentum_step
from purifax.sample.preconditioning import matched_predictor
from purifax.score import denoise
from purifax.types import Score

__all__ = [
    "DESCENTS",
    "FEATURES",
    "LADDERS",
    "NAMES",
    "PLAIN",
    "SHOWN",
    "chain",
    "check",
    "frechet",
    "measure",
    "saved",
]

LADDERS = {
    "langevin": (sample.langevin, {}),
    "momentum": (sample.momentum, {}),
    "matched_momentum": (
        sample.momentum,
        {"step": Partial(matched_momentum_step)},
    ),
    "preconditioned_langevin": (sample.preconditioned_langevin, {}),
}
DESCENTS = {
    "predictor_corrector": (sample.predictor_corrector, {}),
    "preconditioned": (sample.preconditioned, {}),
    "matched_preconditioned": (
        sample.preconditioned,
        {"predictor": Partial(matched_predictor)},
    ),
}
NAMES = (*LADDERS, *DESCENTS)
PLAIN = {n: "langevin" for n in LADDERS} | {n: "predictor_corrector" for n in DESCENTS}
"""The sampler that each makes faster."""

FEATURES = ("pixels", "logits")
SHOWN = 10
"""Images of each sampler and number of calls that are kept for the picture."""


def check(config: Acceleration) -> None:
    """Refuses a config that cannot be run.

    Raises:
        UsageError: a sampler is unknown.
    """
    unknown = [name for name in config.samplers if name not in NAMES]
    if unknown:
        raise UsageError(f"no sampler {unknown[0]!r}. Known: {', '.join(NAMES)}.")


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """The squared distance of two sets of features, [N, D] and [M, D].

    >>> a = np.array([[0.0], [2.0]])
    >>> frechet(a, 3.0 * a + 1.0)
    13.0
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    covariances = [np.atleast_2d(np.cov(v, rowvar=False, bias=True)) for v in (a, b)]
    values, vectors = np.linalg.eigh(covariances[0])
    half = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    both = np.linalg.eigvalsh(half @ covariances[1] @ half)
    apart = np.sum(np.square(a.mean(0) - b.mean(0)))
    spread = sum(np.trace(c) for c in covariances)
    return float(apart + spread - 2 * np.sum(np.sqrt(np.maximum(both, 0.0))))


def measure(
    config: Acceleration, data_dir: str | None
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Every number of the table, and some images of each sampler.

    Returns:
        The summary; and by sampler [calls * 10, H, W, C], images of the first seed.

    Raises:
        UsageError: see `check`.
        FileNotFoundError: a network's work directory is not there.
    """
    check(config)
    world, names = _World(config, data_dir), config.samplers or NAMES
    told = Progress("samplers", 0, len(names) * len(config.calls), unit="row")
    rows, shown = [], {}
    for name in names:
        some = []
        for calls in config.calls:
            row, images = _measured(world, name, calls)
            rows.append(row)
            some.append(images[:SHOWN])
            told.update(len(rows))
        shown[name] = np.concatenate(some)
    told.close()
    return {
        "config": encode(config),
        "floor": world.distances(world.seen, world.told),
        "samplers": rows,
        "saved": saved(rows),
        "hashes": world.hashes,
        "versions": workdir.versions(),
    }, shown


class _World:
    """The networks, and the images that samples are held against."""

    def __init__(self, config: Acceleration, data_dir: str | None) -> None:
        network, self.score = weights.load(config.score), weights.score(config.score)
        told = subjects.chosen(config.images, data_dir)
        shape = told.images.shape[1:]
        networks.fits(config.score, shape, "score")
        self.config = config
        self.classifier = networks.classifier(config.classifier, shape)
        held = subjects.held_out(config.images, data_dir)
        train = data.load(config.images.name, "train", data_dir)
        trained = train.take(~np.isin(train.index, held.index))
        few = _floats(trained.images[: config.filtered])
        self.filters = sample.Filters.from_images(jnp.asarray(few), alpha=config.alpha)
        self.mesh = devices.mesh(config.count)
        self.told, self.held = (self.features(_floats(s.images)) for s in (told, held))
        self.seen = self.features(_floats(trained.images[-config.count :]))
        self.hashes = {"images": subjects.fingerprint(told)} | {
            role: workdir.fingerprint(net.variables)
            for role, net in (("score", network), ("classifier", self.classifier))
        }

    def features(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """By name [N, D], of images [N, H, W, C] in [0, 1]."""
        logits = _logits(self.classifier, jnp.asarray(images))
        pixels = images.reshape(len(images), -1)
        return {"pixels": pixels, "logits": np.asarray(logits)}

    def distances(
        self, found: dict[str, np.ndarray], told: dict[str, np.ndarray]
    ) -> dict[str, float]:
        """By feature, to the images that are told of."""
        return {name: frechet(found[name], told[name]) for name in FEATURES}

    def draw(self, name: str, calls: int, rate: float, seed: int) -> np.ndarray:
        """Images [count, H, W, C] of a sampler, in [0, 1]."""
        filters = self.filters if "preconditioned" in name else sample.Filters()
        blank = jnp.zeros(weights.image_shape(self.config.score))
        draw = Partial(
            _drawn,
            blank=blank,
            chain=chain(self.config, name, calls, rate, self.score, filters),
            first=jnp.asarray(self.config.first),
            filters=filters,
        )
        key = jax.random.fold_in(jax.random.key(self.config.seed), seed)
        index = jnp.arange(self.config.count)
        images = np.asarray(mapped(draw, self.mesh)(key, index))
        if not np.isfinite(images).all():
            raise ValueError(f"images of {name} with {calls} calls are not finite.")
        return np.clip(images, 0.0, 1.0)


def _measured(world: _World, name: str, calls: int) -> tuple[dict, np.ndarray]:
    """A row of the table, its rate chosen first; and images of the first seed."""
    config = world.config
    rates = config.rates if name in LADDERS else config.ratios

    def gap(rate: float) -> float:
        found = world.features(world.draw(name, calls, rate, 0))
        return world.distances(found, world.held)["pixels"]

    rate = min(rates, key=gap) if len(rates) > 1 else rates[0]
    drawn = [world.draw(name, calls, rate, 1 + s) for s in range(config.seeds)]
    found = [world.distances(world.features(x), world.told) for x in drawn]
    row: dict[str, Any] = {"name": name, "calls": calls, "rate": rate}
    for feature in FEATURES:
        values = [one[feature] for one in found]
        row[feature] = {
            "mean": float(np.mean(values)),
            "low": min(values),
            "high": max(values),
        }
    return row, drawn[0]


def chain(
    config: Acceleration,
    name: str,
    calls: int,
    rate: float,
    f: Score,
    filters: sample.Filters,
) -> Partial:
    """`(key, x) -> x` in as many steps as the calls allow."""
    verb, more = (LADDERS | DESCENTS)[name]
    more = more | {"score": f}
    if "preconditioned" in name:
        more["filters"] = filters
    if name in DESCENTS:
        sigmas = schedule.geometric(config.first, config.last, calls // 2)
        sigmas = jnp.append(sigmas, 0.0)
        return Partial(_last, fn=Partial(verb, sigmas=sigmas, snr=rate, **more))
    sigmas = schedule.geometric(config.first, config.last, calls - 1)
    sizes = rate * jnp.square(sigmas)
    run = Partial(verb, sigmas=sigmas, step_sizes=sizes, **more)
    return Partial(_denoised, fn=run, score=f, sigma=sigmas[-1])


def _last(key: Array, x: Array, fn: Any) -> Array:
    return fn(key, x)[0]


def _denoised(key: Array, x: Array, fn: Any, score: Score, sigma: Array) -> Array:
    return denoise(fn(key, x)[0], sigma, score)


def _drawn(
    key: Array, blank: Array, chain: Partial, first: Array, filters: sample.Filters
) -> Array:
    k_start, k_chain = jax.random.split(key)
    z = filters.noise(jax.random.normal(k_start, blank.shape))
    return chain(k_chain, 0.5 + first * z)


@jax.jit
def _logits(classifier: nets.Network, images: Array) -> Array:
    return jax.vmap(classifier)(images)


def _floats(images: np.ndarray) -> np.ndarray:
    return np.asarray(data.augment.to_float(jnp.asarray(images)))


def saved(rows: list[dict]) -> list[dict]:
    """The fewest calls with which a sampler is as near as the plain one at its best.

    Args:
        rows: those of the table.

    Returns:
        By sampler and feature, the "calls", None where it never is, and the plain
        sampler's.
    """
    found = []
    for name in dict.fromkeys(row["name"] for row in rows):
        plain = [row for row in rows if row["name"] == PLAIN[name]]
        if not plain or name == PLAIN[name]:
            continue
        for feature in FEATURES:
            best = min(plain, key=lambda row: row[feature]["mean"])
            enough = [
                row["calls"]
                for row in rows
                if row["name"] == name and row[feature]["mean"] <= best[feature]["mean"]
            ]
            one = {"name": name, "feature": feature, "plain": best["calls"]}
            found.append(one | {"calls": min(enough, default=None)})
    return found
