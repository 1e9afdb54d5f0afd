"""AVATAR: a diffusion of as many images as the victim has.

Source: Dolatabadi et al. 2024, arXiv 2303.08500.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

from experiments.poisoning.defences.stage import Context, OneByOne
from purifax.purify import DiffPure
from purifax.recipe import typed
from purifax.recipe.kinds import PURIFIER
from purifax.types import Purifier

__all__ = ["AVATAR", "from_label"]


def from_label(given: Any, time: float | None) -> Any:
    """A diffusion's recipe from another label, with steps as long as before."""
    if time is None or given.time is None:
        return given
    steps = max(1, round(given.steps * (time + 1) / (given.time + 1)))
    return replace(given, time=time, steps=steps)


@dataclass(frozen=True)
@typed
class AVATAR(OneByOne):
    """Purification by a diffusion trained on as many images as the victim has (AVATAR).

    Source: Dolatabadi et al. 2024, arXiv 2303.08500.

    Attributes:
        purifier: noises and denoises, by the network of the grid's `avatar`.
        time: label to which it noises, in place of the purifier's,
            with steps as long.
    """

    number: ClassVar[str] = "time"

    purifier: Annotated[Any, PURIFIER] = DiffPure(
        time=99, steps=100, sampler="ancestral"
    )
    time: float | None = None

    def of_image(self, context: Context) -> Purifier:
        """What it does to one image."""
        asked = from_label(self.purifier, self.time)
        return asked.build(context.prior("avatar"))
