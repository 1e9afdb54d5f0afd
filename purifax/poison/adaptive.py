"""Adaptive poisons: error-minimising noise optimised through an expected defence.

    theta <- updates on P(x + delta),   delta_i <- descent of  E L(f(P(x_i + delta_i)))

P is what the defence makes of one image, and the mean is over its draws.

    Adaptive        what it does to every batch alone, as ECLIPSE's authors attack it
    AdaptiveBPDA    its purifier of the set before that, which runs as it is and has the
                    gradient of the identity
    AdaptiveExact   the same with the exact gradient, through all steps of the purifier

The purifier is the very network that the defender uses, with other draws. What rounds
has no gradient: JPEG and few bits have that of the identity, grey that of the same
weights without rounding.

Source: Wang et al. 2024 (ECLIPSE), section 4.4, whose network is a U-Net with pooling
at its end, its radius, steps and draws unpublished: here all are those of EM. Athalye
et al. 2018, arXiv 1802.00420 (gradients through a defence).
"""

from dataclasses import dataclass
from typing import ClassVar

from jax import numpy as jnp

from purifax import recipe
from purifax.poison.building import everywhere
from purifax.poison.context import Context
from purifax.poison.em import EM
from purifax.poison.injection import Poison
from purifax.recipe import typed
from purifax.types import Purifier

__all__ = ["Adaptive", "AdaptiveBPDA", "AdaptiveExact"]


@dataclass(frozen=True)
@typed
class Adaptive(EM):
    """EM through a defence's change of batches, as ECLIPSE's authors attack it.

    Source: Wang et al. 2024 (ECLIPSE), section 4.4.

    Attributes:
        against: name of the defence that is expected.
        draws: of the defence in every gradient.
    """

    name: ClassVar[str] = "adaptive"

    against: str = "eclipse"
    draws: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "draws", 1)

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        index = everywhere(context, self.rate)
        delta = self.minimised(context, index, self.view(context), self.draws)
        return Poison(index, jnp.asarray(delta), self.threat, name=self.name)

    def view(self, context: Context) -> Purifier:
        """What a network sees of an image, with the gradient that is taken."""
        return context.view(self.against, whole=False, exact=True)

    def calls(self) -> int:
        """Gradients through the defence for one image, at most."""
        return super().calls() * self.draws


@dataclass(frozen=True)
@typed
class AdaptiveBPDA(Adaptive):
    """EM through a whole defence, its purifier by the identity's gradient (BPDA).

    Source: Athalye et al. 2018, arXiv 1802.00420.
    """

    name: ClassVar[str] = "adaptive_bpda"

    def view(self, context: Context) -> Purifier:
        """What a network sees of an image, with the gradient that is taken."""
        return context.view(self.against, whole=True, exact=False)


@dataclass(frozen=True)
@typed
class AdaptiveExact(Adaptive):
    """EM through a whole defence, its purifier by the exact gradient."""

    name: ClassVar[str] = "adaptive_exact"

    def view(self, context: Context) -> Purifier:
        """What a network sees of an image, with the gradient that is taken."""
        return context.view(self.against, whole=True, exact=True)
