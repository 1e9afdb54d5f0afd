"""Families of public energy checkpoints; see `families`."""

from purifax.weights import energies, tutorials
from purifax.weights.conversion import Converted
from purifax.weights.foreign_file import state

__all__ = ["ebm_defense", "mnist_ebm", "puregen_ebm"]


def puregen_ebm(path: str, *, patch: int = 1, side: int = 32) -> Converted:
    """PureGen's SNGAN energy, trained at temperature 1e-4."""
    network = energies.sngan(state(path), patch=patch, side=side)
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
