"""A poison that others have made, read from a file and held to a budget."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

from purifax import recipe
from purifax.poison.context import Context
from purifax.poison.fields import Bounded
from purifax.poison.injection import Poison
from purifax.recipe import typed

__all__ = ["File"]

UNITS = ("unit", "levels", "signed", "images")


@dataclass(frozen=True)
@typed
class File(Bounded):
    """A poison read from a file; its perturbations must keep the radius.

    Attributes:
        path: the file; .npy, .npz, or of PyTorch.
        array: name of the array in it; empty: its only one.
        units: of the perturbations in it: in [0, 1] (unit), 0 to 255 (levels) or -1 to
            1 (signed); or poisoned images.
        target: the class that is poisoned; None: all of them.
    """

    name: ClassVar[str] = "file"

    path: str = ""
    array: str = ""
    units: str = "unit"
    target: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        recipe.one_of(self, "units", UNITS)
        recipe.at_least(self, "target", 0)

    def build(self, context: Context) -> Poison:
        """The poison of the victim's images."""
        if not self.path:
            raise ValueError("File reads a poison: set its path.")
        how = {"units": self.units, "name": self.array, "target": self.target}
        found = context.read(self.path, self.threat, **how)
        return dataclasses.replace(found, name=self.name)

    def calls(self) -> int:
        """Gradients of a network for one image: none."""
        return 0
