"""What recipes have in common that make a purifier fit images of other sizes.

Such a recipe holds another one, and says which parts of an image that one is given, all
of one shape. Cutting and joining are linear, so that gradients are exact wherever those
of the purifier within are.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any

import jax
from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax.purify.diffpure import DiffPure
from purifax.purify.own import Own
from purifax.purify.prior import Prior
from purifax.recipe.kinds import PURIFIER, is_recipe
from purifax.types import Purifier, as_pytree

__all__ = []

LATER = 2**31
"""Part i > 0 of an image has the image's key folded with `LATER` + i; part 0 has the
key itself, so that an image of one part is purified as it is without this recipe. No
purifier splits or folds its key that often."""

FORMS = ("build_fast", "build_frozen", "build_short")
"""Forms of a purifier that the recipe has where the one within has them."""

INSIDE = ("steps", "level", "knobs")
"""What is asked of the recipe and is that of the one within."""


@dataclass(frozen=True)
class Fitted:
    """A recipe around another one.

    Attributes:
        purifier: the recipe within, or a callable `(key, x) -> x`.
    """

    purifier: Annotated[Any, PURIFIER] = DiffPure()

    def __post_init__(self) -> None:
        given, name = self.purifier, type(self).__name__
        if not is_recipe(given) and callable(given):
            word = getattr(given, "__qualname__", type(given).__qualname__)
            object.__setattr__(self, "purifier", Own(word, given))
        elif not is_recipe(given) or isinstance(given, type):
            raise ValueError(
                f"{name}.purifier must be a recipe such as ADP(), or a callable "
                f"(key, x) -> x; got {given!r:.60}."
            )

    def __getattr__(self, name: str) -> Any:
        if name == "needs":
            return getattr(self.purifier, name, ("score",))
        if name in INSIDE:
            return getattr(self.purifier, name)
        if name not in FORMS:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        form = getattr(self.purifier, name)
        return lambda *given: self.around(form(*given))

    @property
    def uncalibrated(self) -> bool:
        """Whether clean images must still set a number of the recipe within."""
        return getattr(self.purifier, "uncalibrated", False)

    def calibrate(self, prior: Prior, images: Array) -> Any:
        """With the number that the parts of clean images [N, H, W, C] set."""
        if not self.uncalibrated:
            return self
        parts = jnp.concatenate([self.parts(x) for x in images])
        return replace(self, purifier=self.purifier.calibrate(prior, parts))

    def noise_alone(self, prior: Prior) -> Any:
        """This recipe around the noise of the one within; None if it has none."""
        alone = getattr(self.purifier, "noise_alone", lambda prior: None)(prior)
        return None if alone is None else replace(self, purifier=alone)

    def build(self, prior: Prior) -> Purifier:
        """The purifier with its exact gradient."""
        return self.around(self.purifier.build(prior))

    def around(self, purifier: Purifier) -> Purifier:
        """The purifier of any image, of that of the parts."""
        raise NotImplementedError

    def parts(self, x: Array) -> Array:
        """What the purifier within is given of an image [H, W, C]: [K, h, w, C]."""
        raise NotImplementedError

    def seen(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(h, w, C) of each part of an image of shape (H, W, C)."""
        raise NotImplementedError

    def count(self, shape: tuple[int, ...]) -> int:
        """The number of parts of an image of shape (H, W, C)."""
        del shape
        return 1

    def calls(self) -> Any:
        """Network evaluations of one part; None if they are not known."""
        return self.purifier.calls()


@dataclass(frozen=True)
class Static:
    """A verb with settings that are known when a program is compiled, as sizes are.

    Attributes:
        verb: `verb(key, x, purifier, **settings)`.
        settings: names and values.
    """

    verb: Callable[..., Array]
    settings: tuple[tuple[str, Any], ...]

    def __call__(self, key: Array, x: Array, purifier: Any, **knobs: Any) -> Array:
        """The verb; `knobs` are further keywords of the purifier."""
        inside = Partial(purifier, **knobs) if knobs else purifier
        return self.verb(key, x, inside, **dict(self.settings))


def bound(verb: Callable[..., Array], purifier: Purifier, **settings: Any) -> Partial:
    """A purifier by a verb with settings, which are no leaves of it."""
    return Partial(
        Static(verb, tuple(sorted(settings.items()))), purifier=as_pytree(purifier)
    )


def numbered(key: Array, count: int) -> Array:
    """The keys of an image's parts, [K]."""
    if count == 1:
        return key[None]
    later = jax.vmap(lambda i: jax.random.fold_in(key, i))(
        jnp.arange(1, count, dtype=jnp.uint32) + jnp.uint32(LATER)
    )
    return jnp.concatenate([key[None], later])
