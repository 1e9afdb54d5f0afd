"""The families of classifiers whose files leave several settings open; see `families`.

The flags of a family are the keyword arguments of its function.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from purifax import nets
from purifax.run.errors import UsageError
from purifax.weights import (
    convnext,
    robustbench_names,
    states,
    swin,
    torchvision,
    vit,
    xcit,
)
from purifax.weights.conversion import Converted
from purifax.weights.families_song import numbers
from purifax.weights.foreign_file import array, chosen

__all__ = ["clip", "converted", "given", "of_timm", "of_torchvision", "robustbench"]

Words = Sequence[str] | None


def of_torchvision(
    path: str,
    *,
    mean: Words = None,
    std: Words = None,
    side: int | None = None,
    num_heads: int | None = None,
    entry: str | None = None,
) -> Converted:
    """A ResNet, wide ResNet, ConvNeXt, ViT or Swin of torchvision."""
    told = given(mean=mean, std=std) | _said(num_heads=num_heads)
    arrays, taken = chosen(path, entry)
    return converted(_read(torchvision.model, arrays, told), side, 224, taken)


def of_timm(
    path: str,
    *,
    mean: Words = None,
    std: Words = None,
    side: int | None = None,
    num_heads: int | None = None,
    patch: int | None = None,
    entry: str | None = None,
) -> Converted:
    """A ViT, DeiT, ConvNeXt, Swin, XCiT or ResNet of timm."""
    arrays, taken = chosen(path, entry)
    told = given(mean=mean, std=std)
    told |= _said(num_heads=num_heads, patch=patch)
    network = _read(_timm_reader(arrays), arrays, told)
    return converted(network, side, 224, taken)


def _timm_reader(arrays: Mapping[str, Any]) -> Callable[..., nets.Network]:
    """The reader of what the names are those of."""
    readers = (
        ("patch_embed.proj.0.0.weight", xcit.timm),
        ("layers.0.blocks.0.norm1.weight", swin.timm),
        ("pos_embed", vit.timm),
        ("layer1.0.conv1.weight", torchvision.imagenet),
    )
    names = states.lasting(arrays)
    return next((read for name, read in readers if name in names), convnext.timm)


def robustbench(
    path: str,
    *,
    preset: str | None = None,
    mean: Words = None,
    std: Words = None,
    side: int | None = None,
    activation: str | None = None,
    shortcut: str | None = None,
    entry: str | None = None,
) -> Converted:
    """A classifier of RobustBench, with what its code knows of a model by its name.

    Of files with the last and the best weights RobustBench takes the last.
    """
    arrays, taken = chosen(path, entry, usual="last")
    told = _said(activation=activation, shortcut=shortcut)
    if preset is not None:
        last = ("fc.weight", "logits.weight", "linear.weight")
        heads = [a for name, a in arrays.items() if name.endswith(last)]
        classes = len(heads[0]) if len(heads) == 1 else 10
        try:
            known = robustbench_names.settings(preset, classes)
        except ValueError as error:
            raise UsageError(f"--preset: {error}") from error
        told = known | told
    told |= given(mean=mean, std=std)
    network = torchvision.robustbench(arrays, **told)
    return converted(network, side, 32, taken)


def clip(
    path: str,
    *,
    classes: str | None = None,
    mean: Words = None,
    std: Words = None,
    activation: str | None = None,
    num_heads: int | None = None,
    entry: str | None = None,
) -> Converted:
    """CLIP's image tower with embeddings of the classes from a file."""
    if classes is None:
        raise UsageError(
            "a zero-shot classifier needs the embeddings of its classes' texts: give "
            "--classes=FILE, an .npy or .npz file, or one of weights, with one array "
            "[K, D]."
        )
    told = _said(activation=activation, num_heads=num_heads)
    told |= given(mean=mean, std=std)
    arrays, taken = chosen(path, entry)
    network = vit.clip(arrays, array(classes, 2), **told)
    return converted(network, None, 224, taken)


def _read(
    read: Callable[..., nets.Network],
    arrays: Mapping[str, Any],
    numbers: dict[str, Any],
) -> nets.Network:
    """The network, of a reader that may have no use for a number."""
    try:
        return read(arrays, **numbers)
    except TypeError as error:
        if "unexpected keyword" not in str(error):
            raise
        unused = ", ".join(f"--{name}" for name in numbers if f"'{name}'" in str(error))
        raise UsageError(
            f"{unused} does not apply to the network in this file."
        ) from error


def converted(
    network: nets.Network, side: int | None, usual: int, taken: Mapping[str, Any]
) -> Converted:
    """A classifier for images of this side, or of those that its reader gives."""
    height, width, channels = network.shape or (usual, usual, _channels(network))
    if side is not None:
        height = width = side
    bare = nets.Network(network.module, network.variables)
    return Converted(bare, (height, width, channels), "classifier", taken=taken)


def _channels(network: nets.Network) -> int:
    """Of the images: the module's field, or the inputs of its first convolution."""
    channels = getattr(network.module, "channels", None)
    if channels is None:
        params = network.variables["params"]
        first = params.get("conv1", params.get("Conv_0"))
        channels = first["kernel"].shape[2]
    return channels


def _said(**flags: Any) -> dict[str, Any]:
    return {name: value for name, value in flags.items() if value is not None}


def given(**flags: Words) -> dict[str, tuple[float, ...]]:
    """Flags of numbers that were given."""
    return {name: numbers(name, words) for name, words in _said(**flags).items()}
