"""Whether a converted score network denoises, and better than it would read otherwise.

Arrays of the same names and shapes serve networks that predict different things, at
different labels, with another order of channels in attention. For held-out images x,
one draw of noise z and a level sigma, the error of a reading is

    mean |D(x + sigma z, sigma) - x|^2 / sigma^2,    D = x + sigma^2 score(x, sigma),

which is 1 for doing nothing, about 4 for a score of the opposite sign, and below 1 for
a trained network that is read as it was trained. Every reading sees the same images and
the same noise.

Source: Vincent 2011, denoising score matching; Miyasawa 1961 (the denoiser D).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from jax import Array
from jax import numpy as jnp

from purifax import nets
from purifax.weights.labels import asks_class
from purifax.weights.predictions import Prediction
from purifax.weights.readings import Reading, neighbours

__all__ = ["LEVELS", "Check", "check"]

LEVELS = (0.1, 0.3, 0.8)
"""Noise levels, in [0, 1] pixel units."""

BETTER, NEARLY = 0.9, 0.98
"""Of the error: a reading this much better refuses ours, and one near it is named."""

FLAGGED = 0.97
"""The same for other flags of the family, which change neither noise nor label: images
that a network was not trained on do not favour one of them."""

_LARGEST = 1e15
"""Parameters times pixels of all evaluations; some ten minutes on two cores."""

OWN, SIGN = "as converted", "opposite sign"


@dataclass(frozen=True)
class Check:
    """The errors of a network's readings.

    Attributes:
        levels: noise levels, [L].
        errors: of each reading, [L], relative to doing nothing; `OWN` comes first.
        images: what was denoised, in words.
        flags: the readings that are other flags of the family.
        left: how many readings were not tried, for the network is large.
    """

    levels: tuple[float, ...]
    errors: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    images: str = ""
    flags: tuple[str, ...] = ()
    left: int = 0

    def refusal(self) -> str:
        """Why the network is not taken as it is read; "" if it may be."""
        if not self.levels:
            return ""
        own = self.errors[OWN]
        if not all(map(math.isfinite, own)):
            return "the score of noisy images is not finite."
        name, best = self._best()
        flag, least = self._best(self.flags)
        if flag and least < FLAGGED * _mean(own) and best > BETTER * least:
            name, best = flag, least
        turned = _mean(self.errors[SIGN])
        if turned < min(1.0, BETTER * _mean(own)) and _mean(own) > 1:
            return (
                f"the score points towards the noise: the opposite sign denoises "
                f"{self.images} better (error {turned:.2g} against {_mean(own):.2g}, "
                "doing nothing is 1), so its sign is reversed; is the right process or "
                "preset given?"
            )
        if name and best < self._needed(name) * _mean(own) and best < 1:
            return (
                f"another reading denoises {self.images} better: {name}, with error "
                f"{best:.2g} against {_mean(own):.2g} (doing nothing is 1); are the "
                "family and its flags right?"
            )
        lost = [level for level, e in zip(self.levels, own, strict=True) if e > 1]
        if lost:
            words = ", ".join(f"{level:g}" for level in lost)
            return (
                f"the network denoises {self.images} worse than doing nothing at sigma "
                f"{words} (error {max(own):.3g}, doing nothing is 1); are the family "
                "and its flags right?"
            )
        return ""

    def doubt(self) -> str:
        """What is doubtful about a network that is taken; "" if nothing is."""
        if not self.levels:
            return f"its score was not tried on images: {self.images}."
        name, best = self._best()
        own = _mean(self.errors[OWN])
        if name and best < NEARLY * own:
            return (
                f"another reading denoises {self.images} a little better: {name}, with "
                f"error {best:.3g} against {own:.3g}."
            )
        if own > 0.95:
            return f"it hardly denoises {self.images}: the error is {own:.2f} of 1."
        return ""

    def table(self, rows: int = 8) -> str:
        """The errors in lines: ours, doing nothing, the sign, and the best others."""
        if not self.levels:
            return ""
        first = {OWN: self.errors[OWN], "doing nothing": (1.0,) * len(self.levels)}
        first[SIGN] = self.errors[SIGN]
        others = {n: e for n, e in self.errors.items() if n not in first}
        order = sorted(others, key=lambda name: _mean(others[name]))
        shown = first | {name: others[name] for name in order[:rows]}
        width = max(map(len, shown))
        head = "".join(f"{level:>9g}" for level in self.levels)
        lines = [f"error of denoising {self.images} at sigma", f"{'':{width}}{head}"]
        for name, errors in shown.items():
            cells = "".join(f"{_short(error):>9}" for error in errors)
            lines.append(f"{name:{width}}{cells}")
        if self.left:
            lines.append(f"{self.left} other readings were left: the network is large")
        return "\n".join(lines)

    def words(self) -> dict[str, Any]:
        """In plain values, for ``network.json``."""
        errors = {n: [float(f"{e:.5g}") for e in row] for n, row in self.errors.items()}
        return {"images": self.images, "levels": list(self.levels), "errors": errors}

    def _needed(self, name: str) -> float:
        return FLAGGED if name in self.flags else BETTER

    def _best(self, among: tuple[str, ...] | None = None) -> tuple[str, float]:
        """The best of the other readings, or of some, and its mean error."""
        others = {
            name: _mean(row)
            for name, row in self.errors.items()
            if name != OWN
            and (among is None or name in among)
            and all(map(math.isfinite, row))
        }
        name = min(others, key=lambda name: others[name], default="")
        return name, others.get(name, math.inf)


def check(
    network: nets.Network,
    predicts: Prediction | None,
    images: np.ndarray,
    words: str,
    others: Mapping[str, Callable[[], nets.Network]] | None = None,
    levels: Sequence[float] = LEVELS,
) -> Check:
    """The errors of a network and of its neighbouring readings on some images.

    Args:
        predicts: what the network predicts; None is the scaled score.
        images: [N, H, W, C] in [0, 1].
        words: what they are, for messages.
        others: the network with other flags of its family, by name; one that cannot be
            made so is left out.
        levels: of the noise, as far as the process reaches them.
    """
    predicts = predicts or Prediction()
    levels = tuple(level for level in levels if _reaches(predicts, level))
    if not levels:
        return Check((), images="its process reaches none of the levels")
    x = jnp.asarray(images, jnp.float32)
    z = jnp.asarray(_noise(x.shape))
    programs: dict[Any, Callable[..., Array]] = {}
    tried: list[tuple[str, Callable[[], nets.Network], Reading]]
    tried = [(OWN, lambda: network, predicts.score)]
    tried += [(name, make, predicts.score) for name, make in (others or {}).items()]
    tried += [(n, lambda: network, read) for n, read in neighbours(predicts).items()]
    most = _affordable(network, x.size // x.shape[-1] * len(levels))
    rows: dict[str, tuple[float, ...]] = {}
    for name, make, reading in tried[:most]:
        try:
            cleaned = _denoised(reading, _compiled(make(), programs), x, z, levels)
        except ValueError:  # flags that do not fit the arrays, or a process's end
            if name == OWN:
                raise
            continue
        rows[name] = _errors(cleaned, x, levels)
        if name == OWN:
            rows[SIGN] = _errors(_mirrored(cleaned, x, z, levels), x, levels)
    flags = tuple(name for name in others or () if name in rows)
    return Check(levels, rows, words, flags, max(0, len(tried) - most))


def _affordable(network: nets.Network, pixels: int) -> int:
    """How many readings a network is tried in: fewer, if it is very large."""
    return max(1, int(_LARGEST / (nets.count(network.variables) * pixels)))


def _mirrored(
    cleaned: list[Array], x: Array, z: Array, levels: tuple[float, ...]
) -> list[Array]:
    """What the opposite sign of the score gives."""
    return [
        2 * (x + level * z) - clean
        for level, clean in zip(levels, cleaned, strict=True)
    ]


def _denoised(
    reading: Reading,
    call: Callable[..., Array],
    x: Array,
    z: Array,
    levels: tuple[float, ...],
) -> list[Array]:
    """The clean images at each level.

    A score is elementwise around its network, and so takes the batch as it is.

    Raises:
        ValueError: the process does not reach one of the levels.
    """
    found = reading(call)
    return [
        noisy + level**2 * found(noisy, jnp.float32(level))
        for level, noisy in ((level, x + level * z) for level in levels)
    ]


def _noise(shape: tuple[int, ...]) -> np.ndarray:
    """One draw for each image, which its place alone decides."""
    rows = [
        np.random.RandomState(i).standard_normal(shape[1:]) for i in range(shape[0])
    ]
    return np.asarray(rows, np.float32)


def _errors(
    cleaned: list[Array], x: Array, levels: tuple[float, ...]
) -> tuple[float, ...]:
    return tuple(
        float(jnp.mean(jnp.square(clean - x))) / level**2
        for clean, level in zip(cleaned, levels, strict=True)
    )


def _compiled(
    network: nets.Network, programs: dict[Any, Callable[..., Array]]
) -> Callable[..., Array]:
    """The network on a batch, with one program for all readings of a module.

    A network of classes is asked for the first.
    """
    module = network.module
    labels = (jnp.int32(0),) if asks_class(module) else ()

    def call(variables: Any, x: Array, t: Array) -> Array:
        one = nets.Network(module, variables)
        # Other channels than the image's are those of a variance.
        return jax.vmap(lambda image: one(image, t, *labels))(x)[..., : x.shape[-1]]

    program = programs.setdefault(module, jax.jit(call, compiler_options=_quick()))
    return lambda x, t: program(network.variables, x, jnp.asarray(t, jnp.float32))


def _quick() -> dict[str, Any]:
    """A CPU runs a program a few times here: its compilation takes longer."""
    cpu = jax.default_backend() == "cpu"
    return {"xla_backend_optimization_level": 0} if cpu else {}


def _reaches(predicts: Prediction, level: float) -> bool:
    noise = predicts.noise()
    if noise is None:
        return True
    try:
        noise.time(jnp.float32(level))
    except ValueError:  # the process ends below this level
        return False
    return True


def _mean(errors: tuple[float, ...]) -> float:
    """The geometric mean; infinite where one is not finite."""
    if not all(map(math.isfinite, errors)):
        return math.inf
    return math.exp(sum(math.log(max(error, 1e-12)) for error in errors) / len(errors))


def _short(error: float) -> str:
    return f"{error:.3f}" if error < 10 else f"{error:.3g}"
