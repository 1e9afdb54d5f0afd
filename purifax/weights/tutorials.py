"""Small networks of public tutorials, from their arrays by name.

noise    `nets.ConvNoise`: "gt.blocks.0.net.0.weight", with its tables of betas
score    `nets.TutorialScore`: "tconv4.weight", "dense1.dense.weight"
energy   `nets.TutorialEnergy`: "cnn.cnn_layers.0.weight", or "0.weight"
"""

import re
from collections.abc import Mapping

import numpy as np

from purifax import nets
from purifax.weights import states

__all__ = ["energy", "noise", "score"]


def noise(state: Mapping[str, np.ndarray]) -> nets.Network:
    """Convolutions of one resolution, given t in [0, 1], that predict the unit noise.

    Args:
        state: name to array, in PyTorch's layout; the tables of the chain are left out.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    kind, arrays = "a ConvNoise", states.lasting(state)
    arrays = {
        name.removeprefix("gt."): array
        for name, array in arrays.items()
        if name not in ("alpha_t", "beta_t")
    }
    first = "blocks.0.net.0.weight"
    maps = "blocks.0.net.1.weight"
    states.have(kind, arrays, {first: 4, maps: 3, "frequencies": 1})
    blocks = [n for n in arrays if re.fullmatch(r"blocks\.\d+\.net\.0\.weight", n)]
    module = nets.ConvNoise(
        channels=arrays[first].shape[1],
        widths=tuple(len(arrays[name]) for name in blocks),
        size=arrays[first].shape[2],
        frequencies=len(arrays.pop("frequencies")),
    )
    by_path = {_noise_path(n, len(blocks)): _laid_out(a) for n, a in arrays.items()}
    shape = (*arrays[maps].shape[1:], module.channels)
    return nets.Network(module, states.fitted(kind, by_path, module, shape, 1.0))


def score(state: Mapping[str, np.ndarray]) -> nets.Network:
    """The score network of Song's tutorial, with added skip connections and base 25.

    Args:
        state: name to array, in PyTorch's layout.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    kind, arrays = "a TutorialScore", states.lasting(state)
    first, time = "conv1.weight", "time_embed.1.weight"
    states.have(kind, arrays, {first: 4, time: 2})
    convs = sorted(n for n in arrays if re.fullmatch(r"conv\d\.weight", n))
    module = nets.TutorialScore(
        channels=arrays[first].shape[1],
        widths=tuple(len(arrays[name]) for name in convs),
        features=len(arrays[time]),
    )
    by_path = {}
    for name, array in arrays.items():
        if re.fullmatch(r"tconv\d\.weight", name):
            # A transposed convolution is a convolution with the kernel turned round.
            array = array.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
        by_path[_score_path(name, len(convs))] = states.channels_last(array)
    shape = (28, 28, module.channels)
    return nets.Network(module, states.fitted(kind, by_path, module, shape, 1.0))


def energy(state: Mapping[str, np.ndarray]) -> nets.Network:
    """The energy of UvA's tutorial 8: strided convolutions, then two dense layers.

    Args:
        state: name to array, in PyTorch's layout.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    kind = "a TutorialEnergy"
    arrays = {
        name.removeprefix("cnn.").removeprefix("cnn_layers."): array
        for name, array in states.lasting(state).items()
    }
    convs = [n for n in arrays if re.fullmatch(r"\d+\.weight", n)]
    convs = sorted((n for n in convs if arrays[n].ndim == 4), key=_place)
    # A Swish stands behind every convolution, and the map is flattened.
    hidden = 2 * len(convs) + 1
    names = {f"{hidden}.weight": "hidden", f"{hidden + 2}.weight": "out"}
    states.have(kind, arrays, {"0.weight": 4, **dict.fromkeys(names, 2)})
    names |= {name: f"conv{i}" for i, name in enumerate(convs)}
    widths = tuple(len(arrays[name]) for name in convs)
    module = nets.TutorialEnergy(widths=widths, hidden=len(arrays[f"{hidden}.weight"]))
    rows, side = states.rows_of(arrays[f"{hidden}.weight"], widths[-1])
    by_path = {}
    for name, array in arrays.items():
        node, _, leaf = name.rpartition(".")
        node = names.get(f"{node}.weight", node)
        leaf = {"weight": "kernel"}.get(leaf, leaf)
        by_path[f"params/{node}/{leaf}"] = states.channels_last(array)
    by_path["params/hidden/kernel"] = rows
    # Every convolution halves the side; the first has a border of 2 to spare.
    before = side * 2 ** len(convs) - 4
    shape = (before, before, arrays["0.weight"].shape[1])
    return nets.Network(module, states.fitted(kind, by_path, module, shape))


def _place(name: str) -> int:
    return int(name.partition(".")[0])


def _laid_out(array: np.ndarray) -> np.ndarray:
    """`states.channels_last`, and [H, W, C] of weights [C, H, W] of feature maps."""
    return array.transpose(1, 2, 0) if array.ndim == 3 else states.channels_last(array)


def _noise_path(name: str, blocks: int) -> str:
    """ "blocks.1.net.0.weight" -> "params/conv_1/kernel"."""
    name = re.sub(r"^blocks\.(\d+)\.net\.0\.", r"conv_\1.", name)
    name = re.sub(r"^blocks\.(\d+)\.net\.1\.weight", r"norm_\1.scale", name)
    name = re.sub(r"^blocks\.(\d+)\.net\.1\.", r"norm_\1.", name)
    name = name.replace(f"blocks.{blocks}.", "conv_out.")
    name = re.sub(
        r"^time_embed\.([0246])\.", lambda match: f"time_{int(match[1]) // 2}.", name
    )
    return "params/" + re.sub(r"\.weight$", ".kernel", name).replace(".", "/")


def _score_path(name: str, levels: int) -> str:
    """ "tgnorm4.weight" -> "params/norm_back4/scale"."""
    if name == "time_embed.0.W":
        return "params/frequencies"
    name = name.replace("time_embed.1.", "time.")
    name = re.sub(r"^tgnorm(\d)\.weight", r"norm_back\1.scale", name)
    name = re.sub(r"^gnorm(\d)\.weight", r"norm\1.scale", name)
    name = name.replace("tgnorm", "norm_back").replace("gnorm", "norm")
    name = name.replace("tconv", "back")
    match = re.match(r"dense(\d)\.dense\.", name)
    if match:
        i = int(match[1])
        # On the way back the numbers go on while the levels fall.
        node = f"time{i}" if i <= levels else f"time_back{2 * levels + 1 - i}"
        name = f"{node}.{name[match.end() :]}"
    return "params/" + re.sub(r"\.weight$", ".kernel", name).replace(".", "/")
