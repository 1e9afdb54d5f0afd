"""Fields that several recipes of poisons share, and their checks."""

from dataclasses import dataclass
from typing import Any, ClassVar

from jax import Array
from jax import numpy as jnp
from jax.tree_util import Partial

from purifax import recipe
from purifax.poison.building import (
    chosen,
    ensemble,
    model_of,
    of_class,
    surrogates,
)
from purifax.poison.context import Context
from purifax.poison.shifts import jittered
from purifax.threat import Linf
from purifax.types import Model

__all__ = [
    "Aim",
    "Backdoor",
    "Bounded",
    "Checked",
    "Descended",
    "Share",
    "Surrogate",
    "Targeted",
    "moved",
    "share",
]


class Checked:
    """The end of the checks of recipes that inherit fields from several places."""

    def __post_init__(self) -> None:
        """Nothing is left to check."""


def share(made: Any, field: str) -> None:
    """Refuses a share outside of (0, 1].

    Raises:
        ValueError: it is.
    """
    value = getattr(made, field)
    if not 0 < value <= 1:
        name = type(made).__name__
        raise ValueError(f"{name}.{field} must be in (0, 1]; got {value}.")


@dataclass(frozen=True)
class Share(Checked):
    """A poison of a share of all images.

    Attributes:
        rate: share of the images that are poisoned, in (0, 1].
    """

    rate: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        share(self, "rate")


@dataclass(frozen=True)
class Bounded(Checked):
    """A poison within a ball of Linf.

    Attributes:
        radius: largest change of any pixel, Linf, in [0, 1] pixel units.
    """

    radius: float = 8 / 255

    def __post_init__(self) -> None:
        super().__post_init__()
        share(self, "radius")

    @property
    def threat(self) -> Linf:
        """The budget."""
        return Linf(self.radius)


@dataclass(frozen=True)
class Surrogate(Bounded):
    """A poison made against networks of the victim's kind.

    Attributes:
        white_box: whether the network that a victim starts from is known, where it does
            not start from scratch.
    """

    white_box: bool = True


@dataclass(frozen=True)
class Descended(Surrogate):
    """A poison by projected gradient steps against a trained network.

    Attributes:
        steps: gradient steps.
        step_size: size of a step, as a share of the radius.
    """

    steps: int = 250
    step_size: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "steps", 1)
        recipe.above(self, "step_size", 0)

    @property
    def step_sizes(self) -> Array:
        """Sizes of the steps, [T], in [0, 1] pixel units."""
        return jnp.full(self.steps, self.step_size * self.radius)

    def against(self, context: Context) -> dict[str, Any]:
        """What a maker against a network trained on the clean images is bound to."""
        network = surrogates(context, white_box=self.white_box)[-1]
        return {
            "model": model_of(network),
            "threat": self.threat,
            "step_sizes": self.step_sizes,
        }

    def calls(self) -> int:
        """Gradients of a network for one image."""
        return self.steps


def moved(model: Model, jitter: float) -> Model:
    """A model that sees the image moved and mirrored; the model itself for 0 pixels."""
    if not jitter:
        return model
    return Partial(jittered, model=model, largest=jnp.float32(jitter))


@dataclass(frozen=True)
class Backdoor(Checked):
    """A poison that a trigger sets off in a test image.

    Beside `build` it has `trigger(context, delta)`: a maker of what sets it off, from
    the perturbations [P, H, W, C] of the poison.

    Attributes:
        rate: share of the images, of those that it can poison, in (0, 1].
        target: the class that an image with the trigger is to be answered as.
    """

    number: ClassVar[str] = "target"

    rate: float = 0.1
    target: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        share(self, "rate")
        recipe.at_least(self, "target", 0)

    def of_target(self, context: Context) -> Array:
        """Positions of the share of the images of the target class."""
        return chosen(context, of_class(context, self.target), self.rate)


@dataclass(frozen=True)
class Aim:
    """A test image, and what it is to be answered as.

    Attributes:
        index: of the image in its published split.
        image: uint8 [H, W, C].
        label: its class.
        wanted: the class that it is to be answered as.
    """

    index: int
    image: Any
    label: int
    wanted: int


@dataclass(frozen=True)
class Targeted(Surrogate):
    """A poison for one test image, which is to be answered as another class.

    Images of the wanted class are perturbed; labels stay right, and the test image is
    never trained on.

    Attributes:
        target: the class that the image is to be answered as.
        target_class: the class of the image.
        target_image: which test image of its class it is, counted from 0.
        ensemble: networks that the poison is made against.
    """

    number: ClassVar[str] = "target_image"

    target: int = 0
    target_class: int = 1
    target_image: int = 0
    ensemble: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.at_least(self, "target", 0)
        recipe.at_least(self, "target_class", 0)
        recipe.at_least(self, "target_image", 0)
        recipe.at_least(self, "ensemble", 1)
        if self.target == self.target_class:
            raise ValueError(
                f"{type(self).__name__}.target and target_class are both {self.target}:"
                " an image of a class is answered as it without a poison."
            )

    def aim(self, context: Context) -> Aim:
        """The image that the poison is for.

        Raises:
            ValueError: there are no test images, or not so many of its class.
        """
        test = context.test
        if test is None:
            raise ValueError(
                "a poison for a target needs test images to choose it from."
            )
        among = (test.labels == self.target_class).nonzero()[0]
        if self.target_image >= len(among):
            raise ValueError(
                f"target_image={self.target_image}, but there are {len(among)} test "
                f"images of class {self.target_class}."
            )
        at = int(among[self.target_image])
        index = int(test.index[at])
        return Aim(index, test.images[at], self.target_class, self.target)

    def networks(self, context: Context) -> list[Any]:
        """Those that the poison is made against."""
        return ensemble(context, self.ensemble, self.white_box)
