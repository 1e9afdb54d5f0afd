"""Families of public energy checkpoints; see `families`."""

from purifax.run.errors import UsageError
from purifax.weights import energies, tutorials
from purifax.weights.conversion import Converted
from purifax.weights.foreign_file import state

__all__ = ["ebm_defense", "mnist_ebm", "puregen_ebm"]


def puregen_ebm(path: str, *, patch: int | None = None, side: int = 32) -> Converted:
    """PureGen's SNGAN energy, trained at temperature 1e-4."""
    arrays = state(path)
    first = getattr(arrays.get("block1.c1.weight"), "shape", (0, 3))
    if patch is None and first[1] not in (1, 3):
        raise UsageError(
            f"the first convolution takes {first[1]} channels, which may be those of "
            "images or of squares of pixels: give --patch, the side of the squares, or "
            "--patch=1."
        )
    patch = patch or 1
    network = energies.sngan(arrays, patch=patch, side=side)
    folded = network.variables["params"]["block1_c1"]["kernel"].shape[2]
    shape = (side, side, folded // patch**2)
    return Converted(network, shape, "energy", temperature=1e-4)


def ebm_defense(path: str, *, epsilon: float = 0.01) -> Converted:
    """Stochastic Security's energy, which includes the step: T is epsilon^2 / 2."""
    network = energies.light(state(path))
    params = network.variables["params"]
    sides = [8 * n for n in params["conv4"]["kernel"].shape[:2]]
    shape = (sides[0], sides[1], params["conv0"]["kernel"].shape[2])
    return Converted(network, shape, "energy", temperature=epsilon**2 / 2)


def mnist_ebm(path: str) -> Converted:
    """The tutorial's energy, trained without a temperature."""
    network = tutorials.energy(state(path))
    channels = network.variables["params"]["conv0"]["kernel"].shape[2]
    return Converted(network, (28, 28, channels), "energy")
