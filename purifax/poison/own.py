"""A poison of the user's own, as a bare function in place of a recipe."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
from jax import numpy as jnp

from purifax import _checks as checks
from purifax.poison.building import crafted, everywhere
from purifax.poison.context import Context
from purifax.poison.injection import Poison
from purifax.types import as_pytree

__all__ = ["Own"]


@dataclass(frozen=True)
class Own:
    """A callable `(key, image, label) -> perturbation`, of every image; no budget.

    Images are float32 [H, W, C] in [0, 1], perturbations like them.

    Attributes:
        place: what it is called, "package.module:name" where it can be imported.
        call: the maker itself.
    """

    place: str
    call: Callable[..., Any] = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.place

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        index = everywhere(context, 1.0)
        shape = context.images.images.shape[1:]
        label = jax.ShapeDtypeStruct((), jnp.int32)
        checks.tried(f"the poison {self.place}", self.call, shape, label)
        return crafted(context, index, as_pytree(self.call), None, self.name)

    def calls(self) -> None:
        """Gradients for one image: not known."""
