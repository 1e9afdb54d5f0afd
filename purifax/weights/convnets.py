"""Public small convolutional classifiers as networks, from their arrays by name.

    strided   two 4x4 convolutions with stride 2, saved as a PyTorch `Sequential`
              ("0.weight", "2.weight", "5.weight", "7.weight"): Wong and Kolter 2018
              (arXiv 1711.00851), Wong et al. 2020 (arXiv 2001.03994), the "CNN-A" of
              the verification literature
    lenet5    AdverTorch's LeNet5: two 3x3 convolutions with pooling
    keras     LeNet-5 in Keras, as in the one-pixel attack's public reproduction

Widths, number of classes and image size follow from the arrays; images are square.
"""

from collections.abc import Mapping

import numpy as np

from purifax import nets
from purifax.weights import states

__all__ = ["keras", "lenet5", "strided"]


def strided(
    state: Mapping[str, np.ndarray],
    *,
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> nets.Network:
    """Two 4x4 convolutions with stride 2, and a hidden dense layer.

    Args:
        state: name to array, in PyTorch's layout.
        mean, std: of the normalisation it was trained with; none by default. Wong and
            Kolter's CIFAR-10 networks have (0.485, 0.456, 0.406) and 0.225.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    layers = {"0": "Conv_0", "2": "Conv_1", "5": "Dense_0", "7": "Dense_1"}
    module = nets.ConvNet(mean=mean, std=std)
    return _read("a strided Sequential", state, layers, module)


def lenet5(
    state: Mapping[str, np.ndarray],
    *,
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> nets.Network:
    """AdverTorch's LeNet5: two padded 3x3 convolutions, each with a max-pool.

    Args:
        state: name to array, in PyTorch's layout.
        mean, std: of the normalisation it was trained with; none by default.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    layers = {
        "conv1": "Conv_0",
        "conv2": "Conv_1",
        "linear1": "Dense_0",
        "linear2": "Dense_1",
    }
    module = nets.ConvNet(size=3, stride=1, pool=True, mean=mean, std=std)
    return _read("AdverTorch's LeNet5", state, layers, module)


def keras(
    state: Mapping[str, np.ndarray],
    *,
    mean: tuple[float, ...] = (125.307 / 255, 122.95 / 255, 113.865 / 255),
    std: tuple[float, ...] = (62.9932 / 255, 62.0887 / 255, 66.7048 / 255),
) -> nets.Network:
    """LeNet-5 in Keras: two unpadded 5x5 convolutions, each with a max-pool.

    Args:
        state: path to array, such as "conv2d_1/kernel".
        mean, std: of the normalisation it was trained with; that of the one-pixel
            attack's CIFAR-10 network by default.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    layers = {f"conv2d_{i + 1}": f"Conv_{i}" for i in range(2)}
    layers |= {f"dense_{i + 1}": f"Dense_{i}" for i in range(3)}
    arrays = {name: np.asarray(array) for name, array in state.items()}
    kind, first, dense = "a Keras LeNet-5", "conv2d_1/kernel", "dense_1/kernel"
    states.have(kind, arrays, {first: 4, "conv2d_2/kernel": 4, dense: 2})
    maps = arrays["conv2d_2/kernel"].shape[-1]
    side = round((len(arrays[dense]) / maps) ** 0.5)
    module = nets.ConvNet(
        num_classes=len(arrays.get("dense_3/bias", range(10))),
        widths=(arrays[first].shape[-1], maps),
        size=5,
        stride=1,
        padding=0,
        pool=True,
        hidden=tuple(
            arrays[name].shape[-1]
            for name in (dense, "dense_2/kernel")
            if name in arrays
        ),
        mean=mean,
        std=std,
    )
    by_path = {f"params/{_renamed(name, layers)}": a for name, a in arrays.items()}
    pixels, channels = 2 * (2 * side + 4) + 4, arrays[first].shape[2]
    variables = states.fitted(kind, by_path, module, (pixels, pixels, channels))
    return nets.Network(module, variables)


def _read(
    kind: str,
    state: Mapping[str, np.ndarray],
    layers: Mapping[str, str],
    module: nets.ConvNet,
) -> nets.Network:
    """A PyTorch network of two convolutions, which quarter the sides, and dense layers.

    Args:
        layers: our name of each layer by the name in the file, in order.
        module: the layout; its widths are replaced by those of the arrays.
    """
    arrays = states.lasting(state)
    first, second, dense, last = (f"{name}.weight" for name in layers)
    states.have(kind, arrays, {first: 4, second: 4, dense: 2, last: 2})
    by_path = {}
    for name, array in arrays.items():
        path = name.replace(".weight", ".kernel").replace(".", "/")
        by_path[f"params/{_renamed(path, layers)}"] = states.channels_last(array)
    widths = len(arrays[first]), len(arrays[second])
    by_path["params/Dense_0/kernel"], side = states.rows_of(arrays[dense], widths[1])
    module = module.clone(
        num_classes=len(arrays[last]), widths=widths, hidden=(len(arrays[dense]),)
    )
    shape = (4 * side, 4 * side, arrays[first].shape[1])
    return nets.Network(module, states.fitted(kind, by_path, module, shape))


def _renamed(path: str, layers: Mapping[str, str]) -> str:
    """The path with our name of its layer; an unknown name is kept."""
    layer, _, leaf = path.partition("/")
    return f"{layers.get(layer, layer)}/{leaf}"
