"""Public residual classifiers as networks, from their arrays by name.

    akamaster   CIFAR ResNet-20 ... 110 in PyTorch, shortcut option A (Idelbayev,
                "Proper ResNet implementation for CIFAR10/CIFAR100 in PyTorch")
    uva         CIFAR ResNet in Flax of the UvA Deep Learning tutorials, number 5
                (Lippe)
    wide        WRN-d-k in PyTorch with blocks named `block1.layer.0` (the common
                port of Zagoruyko and Komodakis 2016), `layer.0.block.0` (DeepMind) or
                `blocks.0.layer.0` (Huang et al. 2021)
    biased      WRN-d-k with biases and `layer1.0.shortcut.0`, of ADP (Yoon et al. 2021)
                and the EBM defence (Hill et al. 2021)
    plain       ResNet-2B, ResNet-4B and their kind in PyTorch, without normalisation,
                of the verification competition of 2021

Depth, width and number of classes follow from the arrays. Images are normalised inside
the network, with the numbers of its training unless others are given.
"""

import re
from collections.abc import Iterable, Mapping

import numpy as np

from purifax import nets
from purifax.weights import states, torch_names

__all__ = ["akamaster", "biased", "plain", "uva", "wide"]


def akamaster(
    state: Mapping[str, np.ndarray],
    *,
    mean: tuple[float, ...] = (0.485, 0.456, 0.406),
    std: tuple[float, ...] = (0.229, 0.224, 0.225),
) -> nets.Network:
    """A CIFAR ResNet of depth 6n + 2 with option-A shortcuts.

    Args:
        state: name to array, in PyTorch's layout; a prefix "module." is left out.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    kind, arrays = "a CIFAR ResNet (akamaster)", states.lasting(state)
    states.have(kind, arrays, {"conv1.weight": 4, "linear.weight": 2})
    module = nets.ResNet(
        depth=6 * _blocks(arrays, r"layer1\.(\d+)\.") + 2,
        num_classes=len(arrays["linear.weight"]),
        width=len(arrays["conv1.weight"]),
        mean=mean,
        std=std,
    )
    by_path = {}
    for name, array in arrays.items():
        path = re.sub(r"^(layer\d)\.(\d+)\.", r"\1_\2.", name)
        path = re.sub(r"^linear\.", "fc.", re.sub(r"^conv1\.", "Conv_0.", path))
        by_path[torch_names.path(path, array)] = states.channels_last(array)
    variables = states.fitted(kind, by_path, module, (32, 32, 3))
    return nets.Network(module, variables)


def uva(
    state: Mapping[str, np.ndarray],
    *,
    mean: tuple[float, ...] = (0.4914, 0.4822, 0.4465),
    std: tuple[float, ...] = (0.2470, 0.2435, 0.2616),
) -> nets.Network:
    """A CIFAR ResNet of the UvA tutorials, as Flax lays it out.

    Its strided convolutions pad like "SAME" in XLA, and a shortcut that changes the
    shape is a 1x1 convolution with a bias and no normalisation.

    Args:
        state: path to array, such as "params/ResNetBlock_0/Conv_0/kernel".

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    kind = "a CIFAR ResNet (UvA)"
    arrays = {name: np.asarray(array) for name, array in state.items()}
    stem, head = "params/Conv_0/kernel", "params/Dense_0/kernel"
    states.have(kind, arrays, {stem: 4, head: 2})
    blocks = max(1, _blocks(arrays, r"params/ResNetBlock_(\d+)/") // 3)
    module = nets.ResNet(
        depth=6 * blocks + 2,
        num_classes=arrays[head].shape[-1],
        width=arrays[stem].shape[-1],
        shortcuts="plain",
        shifted=True,
        mean=mean,
        std=std,
    )
    by_path = {_uva_path(name, blocks): array for name, array in arrays.items()}
    variables = states.fitted(kind, by_path, module, (32, 32, 3))
    return nets.Network(module, variables)


def wide(
    state: Mapping[str, np.ndarray],
    *,
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
    activation: str = "relu",
    shifted: bool = False,
    standardised: bool = False,
    head: str = "linear",
) -> nets.Network:
    """A wide ResNet of depth 6n + 4 without biases, in any of its published names.

    Widths, and the activation of Dai et al., which has parameters, follow from the
    arrays.

    Args:
        state: name to array, in PyTorch's layout; a prefix "module." is left out.
        mean, std: of the normalisation it was trained with; none by default.
        activation, shifted, standardised, head: see `nets.WideResNet`.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    kind, arrays = "a wide ResNet", states.lasting(state)
    arrays = {_common(name): array for name, array in arrays.items()}
    last = "block3.layer.0.conv2.weight"
    states.have(kind, arrays, {"conv1.weight": 4, "fc.weight": 2, last: 4})
    widths = tuple(len(arrays[last.replace("3", str(i))]) for i in (1, 2, 3))
    widen = max(1, widths[0] // 16)
    usual = widths == tuple(16 * widen * 2**i for i in range(3))
    module = nets.WideResNet(
        depth=6 * _blocks(arrays, r"block1\.layer\.(\d+)\.") + 4,
        widen=widen,
        num_classes=len(arrays["fc.weight"]),
        widths=() if usual else widths,
        activation="pssilu" if "alpha" in arrays else activation,
        shifted=shifted,
        head=head,
        standardised=standardised,
        mean=mean,
        std=std,
    )
    by_path = {}
    for name, array in arrays.items():
        path = re.sub(r"^(block\d)\.layer\.(\d+)\.", r"\1_\2.", name)
        by_path[torch_names.path(path, array)] = states.channels_last(array)
    for name in by_path.keys() & {"alpha", "beta"}:
        by_path[f"params/{name}"] = by_path.pop(name)
    shape = (32, 32, arrays["conv1.weight"].shape[1])
    variables = states.fitted(kind, by_path, module, shape)
    return nets.Network(module, variables)


_NAMES = (
    (r"^init_conv\.|^stem_conv\.", "conv1."),
    (r"^batchnorm\.", "bn1."),
    (r"^logits\.", "fc."),
    (r"^layer\.(\d)\.block\.", r"block@\1.layer."),
    (r"^blocks\.(\d)\.layer\.", r"block@\1.layer."),
    (r"\.batchnorm_0\.", ".bn1."),
    (r"\.batchnorm_1\.", ".bn2."),
    (r"\.conv_0\.", ".conv1."),
    (r"\.conv_1\.", ".conv2."),
    (r"\.convShortcut\.", ".shortcut."),
    (r"^(block.*\.)?activation\.", ""),
)
"""Names of the layers of wide ResNets, by the programs that wrote them: DeepMind's
(`init_conv`, `layer.0.block.0`), Huang et al.'s (`stem_conv`, `blocks.0.layer.0`) and
Dai et al.'s, whose one activation is stored with every block."""


def _common(name: str) -> str:
    """The name in the common layout, "block1.layer.0.conv1.weight"."""
    for pattern, new in _NAMES:
        name = re.sub(pattern, new, name)
    return re.sub(r"^block@(\d)", lambda match: f"block{int(match[1]) + 1}", name)


def biased(
    state: Mapping[str, np.ndarray],
    *,
    mean: tuple[float, ...] = (0.4914, 0.4822, 0.4465),
    std: tuple[float, ...] = (0.2023, 0.1994, 0.2010),
) -> nets.Network:
    """A wide ResNet with biases, as ADP's and the EBM defence's classifiers are.

    Args:
        state: name to array, in PyTorch's layout, "layer1.0.shortcut.0.weight".
        mean, std: of the normalisation; those of ADP by default. The networks of the
            EBM defence (Hill et al. 2021) take images in [-1, 1]: 0.5 and 0.5.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    kind, arrays = "a wide ResNet with biases", states.lasting(state)
    stem, last = "conv1.weight", "layer1.0.conv2.weight"
    states.have(kind, arrays, {stem: 4, "linear.weight": 2, last: 4})
    module = nets.WideResNet(
        depth=6 * _blocks(arrays, r"layer1\.(\d+)\.") + 4,
        widen=max(1, len(arrays[last]) // 16),
        num_classes=len(arrays["linear.weight"]),
        biased=True,
        mean=mean,
        std=std,
    )
    by_path = {}
    for name, array in arrays.items():
        path = re.sub(r"^layer(\d)\.(\d+)\.", r"block\1_\2.", name)
        path = path.replace(".shortcut.0.", ".shortcut.")
        path = re.sub(r"^linear\.", "fc.", path)
        by_path[torch_names.path(path, array)] = states.channels_last(array)
    shape = (32, 32, arrays[stem].shape[1])
    return nets.Network(module, states.fitted(kind, by_path, module, shape))


def plain(
    state: Mapping[str, np.ndarray],
    *,
    mean: tuple[float, ...] = (0.4914, 0.4822, 0.4465),
    std: tuple[float, ...] = (0.2470, 0.2435, 0.2616),
) -> nets.Network:
    """A ResNet without normalisation layers; images are square.

    Args:
        state: name to array, in PyTorch's layout; a prefix "module." is left out.

    Raises:
        ValueError: named arrays are missing, unknown or of a wrong shape.
    """
    kind, arrays = "a ResNet without normalisation", states.lasting(state)
    states.have(kind, arrays, {"conv1.weight": 4, "linear1.weight": 2})
    width, channels = arrays["conv1.weight"].shape[:2]
    hidden, stages = len(arrays["linear1.weight"]), _blocks(arrays, r"layer(\d+)\.") - 1
    firsts = [f"layer{stage + 1}.0.conv2.weight" for stage in range(stages)]
    states.have(kind, arrays, {"layer1.0.conv2.weight": 4} | dict.fromkeys(firsts, 4))
    widths = tuple(len(arrays[first]) for first in firsts)
    module = nets.PlainResNet(
        num_classes=len(arrays.get("linear2.bias", range(10))),
        width=width,
        widths=() if widths == (2 * width,) else widths,
        blocks=_blocks(arrays, r"layer1\.(\d+)\."),
        hidden=hidden,
        mean=mean,
        std=std,
    )
    by_path = {}
    for name, array in arrays.items():
        path = re.sub(r"^(layer\d)\.(\d+)\.", r"\1_\2.", name)
        path = path.replace(".shortcut.0.", ".shortcut.")
        by_path[torch_names.path(path, array)] = states.channels_last(array)
    first = "params/linear1/kernel"
    by_path[first], side = states.rows_of(arrays["linear1.weight"], widths[-1])
    side *= 2 ** (1 + len(widths))
    variables = states.fitted(kind, by_path, module, (side, side, channels))
    return nets.Network(module, variables)


def _blocks(names: Iterable[str], pattern: str) -> int:
    """The number of blocks among the names, at least one."""
    found = [re.match(pattern, name) for name in names]
    return max((int(match[1]) + 1 for match in found if match), default=1)


def _uva_path(name: str, blocks: int) -> str:
    """ "params/ResNetBlock_4/Conv_1/kernel" -> "params/layer2_1/conv2/kernel"."""

    def block(match: re.Match) -> str:
        stage, i = divmod(int(match[1]), blocks)
        return f"/layer{stage + 1}_{i}/"

    name, inside = re.subn(r"/ResNetBlock_(\d+)/", block, name)
    name = re.sub(r"/BatchNorm_(\d+)/", lambda match: f"/bn{int(match[1]) + 1}/", name)
    if inside:
        short = {"0": "conv1", "1": "conv2", "2": "shortcut"}
        name = re.sub(r"/Conv_([012])/", lambda match: f"/{short[match[1]]}/", name)
    return name.replace("/Dense_0/", "/fc/")
