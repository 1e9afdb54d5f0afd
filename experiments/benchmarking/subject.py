"""What a benchmark times: networks with random weights, images, and a row of times."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.sharding import Mesh

from experiments.benchmarking.config import (
    Benchmark,
)
from experiments.benchmarking.stopwatch import in_turns, timed
from experiments.training import networks
from purifax import nets, weights
from purifax.attack import Target
from purifax.evaluation import predictions
from purifax.evaluation.world import World
from purifax.purify.prior import Prior
from purifax.run import devices
from purifax.transform.remat import Scan
from purifax.types import Purifier

__all__ = [
    "CLASSES",
    "LEVEL",
    "Row",
    "Subject",
    "prior",
    "row",
    "rows_in_turns",
    "subject",
]

LEVEL = 0.2
"""The noise level of networks that are told one."""

CLASSES = 10


@dataclass(frozen=True)
class Row:
    """One thing timed.

    Attributes:
        seconds: of one call, the median, over `images` images.
        spread: from the fastest to the slowest, over the median.
        numbers: what else was found, by name.
    """

    part: str
    what: str
    images: int
    seconds: float
    spread: float
    numbers: dict[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Images a second."""
        return self.images / self.seconds


@dataclass(frozen=True)
class Subject:
    """Networks, images [N, H, W, C] and the devices that share them.

    Attributes:
        prior: the score of the network, and beside it an energy at temperature 1.
    """

    config: Benchmark
    network: nets.Network
    classifier: nets.Network
    prior: Prior
    images: Array
    key: Array
    mesh: Mesh

    def purifier(self, recipe: Any) -> Purifier:
        """The purifier of a recipe, in the form that has a gradient."""
        return recipe.build(self.prior)

    def target(self, recipe: Any, scan: Scan | None = None) -> Target:
        """What attacks on the purified classifier are built against.

        Args:
            scan: what exact gradients keep of a chain; None leaves it to the purifier.
        """
        return World(recipe, self.prior, self.classifier, scan=scan).target()

    def program(
        self, fn: Callable[..., Any], images: int | None = None, draws: int = 1
    ) -> tuple[Callable[[], Any], int]:
        """`fn(key, x)` of so many images, compiled, and its temporary bytes.

        Args:
            draws: of each image, which the program makes.
        """
        x = self.images[: images or len(self.images)]
        worth = devices.worth(x.shape[1:], draws)
        mesh = devices.grid(len(x), worth=worth)
        return predictions.compiled(fn, mesh, self.key, jnp.arange(len(x)), x)


def subject(config: Benchmark) -> Subject:
    """Draws the networks and the images.

    Raises:
        ValueError: an unknown network, or a field that it does not have.
    """
    shape = (config.side, config.side, config.channels)
    keys = jax.random.split(jax.random.key(config.seed), 5)
    x = jnp.full(shape, 0.5)
    network, classifier, energy = (
        nets.Network(module, nets.init(key, module, x, *more))
        for key, module, more in (
            (keys[0], _module(config.net, config), (LEVEL,)),
            (keys[1], _module(config.classifier, config), ()),
            (keys[2], _module(config.energy, config), ()),
        )
    )
    known = prior(config.net.name, network)
    known = replace(known, energy=energy, temperature=1.0)
    images = jax.random.uniform(keys[3], (config.images, *shape))
    mesh = devices.grid(config.images, worth=devices.worth(shape))
    return Subject(config, network, classifier, known, images, keys[4], mesh)


def prior(name: str, network: nets.Network) -> Prior:
    """The prior of a score network of this name, under the process it is usual with."""
    told = networks.predicted(name)
    process = {"denoised": {"name": "EDM"}, "noise": {"name": "linear"}}.get(told)
    words = weights.Prediction(told, process)
    return Prior(words.score(network), words.noise(), network=network)


def _module(net: Any, config: Benchmark) -> Any:
    return networks.network(net, config.channels, CLASSES)


def row(part: str, what: str, run: Callable[[], Any], images: int, repeats: int) -> Row:
    """Times a call, after a first one; see `Row`."""
    _, *seconds = timed(run, 1 + repeats)
    return _row(part, what, seconds, images)


def rows_in_turns(
    part: str, runs: dict[str, Callable[[], Any]], images: int, repeats: int
) -> tuple[list[Row], float]:
    """Times calls in turns, after a first one of each.

    Returns:
        a row of each, and the median, over the rounds, of the first's time over the
        last's.
    """
    _, *rounds = in_turns(list(runs.values()), 1 + repeats)
    columns = zip(*rounds, strict=True)
    rows = [
        _row(part, what, seconds, images)
        for what, seconds in zip(runs, columns, strict=True)
    ]
    return rows, statistics.median(seconds[0] / seconds[-1] for seconds in rounds)


def _row(part: str, what: str, seconds: Sequence[float], images: int) -> Row:
    middle = statistics.median(seconds)
    return Row(part, what, images, middle, (max(seconds) - min(seconds)) / middle)
