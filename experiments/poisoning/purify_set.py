"""Defences that change a training set once, before any training: by name.

`PARTS` lists them. A part is made by `(Basin, number or None) -> wash`, and
`wash(key, images uint8 [N, H, W, C]) -> uint8`. What comes out is clipped and rounded
to 8 bits, so that nothing wraps around. Purified sets keep the order of their images.
Most parts purify every image by itself: `PURIFIERS` are what those are made of.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jax import Array
from jax import numpy as jnp
from jax.sharding import Mesh
from jax.tree_util import Partial

from experiments.poisoning.config import PoisonGrid
from experiments.poisoning.generators import Generators
from experiments.training.networks import one_of
from purifax import purify
from purifax.evaluation.mapping import over
from purifax.evaluation.methods import defence as defences
from purifax.evaluation.settings import Defence
from purifax.purify.prior import Prior
from purifax.types import Purifier

__all__ = ["PARTS", "PURIFIERS", "Basin", "Wash"]

Wash = Callable[[Array, np.ndarray], np.ndarray]
"""`wash(key, images) -> images`, uint8 [N, H, W, C]."""


@dataclass(frozen=True)
class Basin:
    """What a defence of a set is made from.

    Attributes:
        generators: the networks of purifiers; trained when they are first asked for.
        found: the images that are purified, once they are known.
    """

    config: PoisonGrid
    generators: Generators
    mesh: Mesh
    found: np.ndarray | None = None

    def each(self, purifier: Purifier, *, floor: bool = False) -> Wash:
        """A purifier of one image, over a set."""

        def wash(key: Array, images: np.ndarray) -> np.ndarray:
            x, index = images / np.float32(255), np.arange(len(images))
            pure = over(purifier, self.mesh, self.config.chunk, key, index, x)
            level = 255 * np.clip(pure, 0.0, 1.0)
            # A thousandth of a level, so that whole levels survive float32.
            cut = np.floor(level + 1e-3) if floor else np.rint(level)
            return cut.astype(np.uint8)

        return wash


def _plain(verb: Callable, field: str, published: float) -> Callable[..., Purifier]:
    def made(basin: Basin, number: float | None) -> Purifier:
        del basin
        value = published if number is None else number
        return Partial(verb, **{field: jnp.float32(value)})

    return made


def _eclipse(basin: Basin, number: float | None) -> Purifier:
    given = basin.config.eclipse.purifier
    asked = given if number is None else replace(given, time=number)
    return defences.purifier(asked, basin.generators.sparse())


def _energy(basin: Basin, steps: float | None = None) -> Purifier:
    given = basin.config.puregen.energy
    asked = given if steps is None else replace(given, steps=int(steps))
    return defences.purifier(asked, _prior(basin, "energy"))


def _ddpm(basin: Basin, time: float | None = None) -> Purifier:
    given = basin.config.puregen.ddpm
    return defences.purifier(_from(given, time), _prior(basin, "ddpm"))


def _prior(basin: Basin, role: str) -> Prior:
    """The model of a role, of others' images or of those that are purified."""
    section = "avatar" if role == "avatar" else "puregen"
    given = getattr(basin.config, section).learns
    elsewhere = "clean" if role == "avatar" else "other"
    if one_of(f"{section}.learns", given, (elsewhere, "found")) == "found":
        assert basin.found is not None
        return basin.generators.of(role, basin.found)
    return getattr(basin.generators, role)()


def _each(name: str) -> Callable[[Basin, float | None], Wash]:
    """A part that is built when the images are known: its models may learn them."""

    def made(basin: Basin, number: float | None) -> Wash:
        floor = name == "eclipse_ddpm" and basin.config.eclipse.floor

        def wash(key: Array, images: np.ndarray) -> np.ndarray:
            purifier = PURIFIERS[name](replace(basin, found=images), number)
            return basin.each(purifier, floor=floor)(key, images)

        return wash

    return made


def _avatar(basin: Basin, number: float | None) -> Purifier:
    given = basin.config.avatar.purifier
    return defences.purifier(_from(given, number), _prior(basin, "avatar"))


def _from(given: Defence, time: float | None) -> Defence:
    """The diffusion from another label, with steps as long as before."""
    if time is None or given.time is None:
        return given
    steps = max(1, round(given.steps * (time + 1) / (given.time + 1)))
    return replace(given, time=time, steps=steps)


def _puregen_naive(basin: Basin, number: float | None) -> Purifier:
    del number
    return Partial(purify.chain, purifiers=[_energy(basin), _ddpm(basin)])


def _puregen_reps(basin: Basin, number: float | None) -> Purifier:
    given = basin.config.puregen
    rounds = given.rounds if number is None else int(number)
    pair = [_energy(basin, given.round_steps), _ddpm(basin, given.round_time)]
    draws = jnp.arange(rounds)
    return Partial(purify.puregen_rounds, purifiers=pair, draws=draws)


def _puregen_filt(basin: Basin, number: float | None) -> Wash:
    """Diffuses the images of highest energy, as they came; leaves the others."""
    given = basin.config.puregen
    share = given.filtered if number is None else number

    def wash(key: Array, images: np.ndarray) -> np.ndarray:
        mine = replace(basin, found=images)
        prior, diffused = _prior(mine, "energy"), _ddpm(mine, given.filter_time)
        x, index = images / np.float32(255), np.arange(len(images))
        energy = Partial(_keyless, fn=prior.energy)
        high = over(energy, basin.mesh, basin.config.chunk, key, index, x)
        chosen = np.asarray(purify.highest(jnp.asarray(high), float(share)))
        pure = basin.each(diffused)(key, images)
        return np.where(chosen[:, None, None, None], pure, images)

    return wash


def _keyless(key: Array, x: Array, fn: Callable) -> Array:
    del key
    return fn(x)


PURIFIERS: dict[str, Callable[[Basin, float | None], Purifier]] = {
    "jpeg": _plain(purify.jpeg_420, "quality", 75),
    "bit_depth": _plain(purify.bit_depth, "bits", 2),
    "grayscale_once": _plain(purify.grayscale, "probability", 1.0),
    "gaussian_noise_once": _plain(purify.noised, "sigma", 0.05),
    "eclipse_ddpm": _eclipse,
    "avatar": _avatar,
    "puregen_ebm": _energy,
    "puregen_ddpm": _ddpm,
    "puregen_naive": _puregen_naive,
    "puregen_reps": _puregen_reps,
}
"""Of one image, by the name of their part."""

PARTS: dict[str, Callable[[Basin, float | None], Wash]] = {
    **{name: _each(name) for name in PURIFIERS},
    "puregen_filt": _puregen_filt,
}
"""By name, with the meaning of the number that may follow it: the quality, bits, the
probability of grey, sigma, the label of ECLIPSE's diffusion, that of AVATAR's, steps,
the label, none, rounds, the share."""
