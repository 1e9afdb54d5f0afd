"""Published energy networks, from their arrays by name.

sngan    `nets.SNGANEnergy`: "block1.c1.weight", "l5.weight" (PureGen, PureEBM)
light    `nets.LightEnergy`: "f.0.weight" to "f.8.bias" (Stochastic Security)
"""

import re
from collections.abc import Mapping

import numpy as np

from purifax import nets
from purifax.weights import states

__all__ = ["light", "sngan"]


def sngan(
    state: Mapping[str, np.ndarray], *, patch: int = 1, side: int = 32
) -> nets.Network:
    """The SNGAN-like energy of PureGen.

    Args:
        state: name to array, in PyTorch's layout.
        patch: side of the squares that were folded into channels, which the arrays do
            not determine.
        side: of the images; the arrays fit every multiple of four times `patch`.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    kind, arrays = "an SNGANEnergy", states.lasting(state)
    first = "block1.c1.weight"
    states.have(kind, arrays, {first: 4, "l5.weight": 2})
    width, folded = arrays[first].shape[:2]
    if folded % patch**2:
        raise ValueError(
            f"the first convolution has {folded} channels, which squares of {patch} x "
            f"{patch} pixels do not make; is the patch right?"
        )
    for name in (n for n in (first, "block1.c_sc.weight") if n in arrays):
        arrays[name] = _pixels_first(arrays[name], patch)
    by_path = {}
    for name, array in arrays.items():
        path = re.sub(r"^(block\d)\.(c1|c2|c_sc)\.", r"\1_\2/", name)
        path = re.sub(r"[./]weight$", "/kernel", path).replace(".", "/")
        by_path[f"params/{path}"] = states.channels_last(array)
    module = nets.SNGANEnergy(width=width, patch=patch)
    shape = (side, side, folded // patch**2)
    return nets.Network(module, states.fitted(kind, by_path, module, shape))


def light(state: Mapping[str, np.ndarray]) -> nets.Network:
    """The lightweight energy of Stochastic Security.

    Args:
        state: name to array, in PyTorch's layout.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    kind, arrays = "a LightEnergy", states.lasting(state)
    states.have(kind, arrays, {"f.0.weight": 4, "f.8.weight": 4})
    by_path = {
        re.sub(r"^params/f/(\d+)/", _conv, path): array
        for path, array in (
            ("params/" + _leaf(name).replace(".", "/"), states.channels_last(array))
            for name, array in arrays.items()
        )
    }
    width, channels = arrays["f.0.weight"].shape[:2]
    height, across = (8 * n for n in arrays["f.8.weight"].shape[2:])
    module = nets.LightEnergy(width=width)
    shape = (height, across, channels)
    return nets.Network(module, states.fitted(kind, by_path, module, shape))


def _leaf(name: str) -> str:
    return re.sub(r"\.weight$", ".kernel", name)


def _conv(match: re.Match[str]) -> str:
    """The path of a convolution; every second layer is an activation."""
    place, odd = divmod(int(match[1]), 2)
    return f"params/f/{match[1]}/" if odd else f"params/conv{place}/"


def _pixels_first(kernel: np.ndarray, patch: int) -> np.ndarray:
    """Inputs reordered from (channel, row, column) to (row, column, channel)."""
    out, folded, *sides = kernel.shape
    channels = folded // patch**2
    kernel = kernel.reshape(out, channels, patch, patch, *sides)
    return kernel.transpose(0, 2, 3, 1, 4, 5).reshape(out, folded, *sides)
