"""Config types of networks: a class of `purifax.nets` by name, and its fields."""

from dataclasses import dataclass
from typing import Any

from purifax.recipe import above, at_least, below, one_of, typed, within

__all__ = ["ClassifierNet", "EnergyNet", "ScoreNet"]


@dataclass(frozen=True)
@typed
class ScoreNet:
    """A network of `purifax.nets` that gives a score; None leaves a field to it.

    An energy is trained so that minus its gradient is the scaled score.

    Attributes:
        name: of a class of `purifax.nets`.
        width: channels of the first level.
        widths: channels of each level, from fine to coarse.
        blocks: residual blocks of each level.
        fold: side of the squares of pixels that are folded into channels first.
        centre: what is subtracted from the image.
        spread: approximate standard deviation of the pixels of the data.
        multiples: channels of each level in multiples of `width`.
        attention: levels whose blocks attend; 0 is the finest.
        groups: of the normalisations.
        dropout: rate inside the residual blocks, in training.
        hidden: width of the dense layer of an energy.
        patch: side of the squares that an energy folds into channels first.
        activation: of an energy: "swish", "leaky" or "relu".
        dtype: "float32" or "bfloat16", of the computation; parameters are float32.
    """

    name: str
    width: int | None = None
    widths: tuple[int, ...] | None = None
    blocks: int | None = None
    fold: int | None = None
    centre: float | None = None
    spread: float | None = None
    multiples: tuple[float, ...] | None = None
    attention: tuple[int, ...] | None = None
    groups: int | None = None
    dropout: float | None = None
    hidden: int | None = None
    patch: int | None = None
    activation: str | None = None
    dtype: str = "float32"

    def __post_init__(self) -> None:
        _sizes(self, "width", "blocks", "fold", "groups", "hidden", "patch")
        at_least(self, "attention", 0)
        above(self, "spread", 0)
        above(self, "multiples", 0)
        within(self, "centre", -10, 10)


@dataclass(frozen=True)
@typed
class ClassifierNet:
    """A classifier of `purifax.nets`; None leaves a field to the network.

    The normalisation belongs to the network and travels with its weights.

    Attributes:
        name: of a class of `purifax.nets`.
        depth: layers of a residual network, as its paper counts them.
        widen: factor of the channels of a wide residual network.
        width: channels of the first convolution.
        widths: channels of the convolutions, or widths of the layers.
        hidden: width of the dense layer.
        fold: side of the squares of pixels that are folded into channels first.
        biased: whether convolutions have biases.
        dropout: rate, in training.
        mean: subtracted from each channel of images in [0, 1].
        std: by which each channel is then divided.
        dtype: "float32" or "bfloat16", of the computation; parameters are float32.
    """

    name: str
    depth: int | None = None
    widen: int | None = None
    width: int | None = None
    widths: tuple[int, ...] | None = None
    hidden: int | None = None
    fold: int | None = None
    biased: bool | None = None
    dropout: float | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    dtype: str = "float32"

    def __post_init__(self) -> None:
        _sizes(self, "depth", "widen", "width", "hidden", "fold")
        above(self, "std", 0)
        within(self, "mean", -10, 10)


@dataclass(frozen=True)
@typed
class EnergyNet:
    """An energy of `purifax.nets`; None leaves a field to the network.

    Attributes:
        name: of a class of `purifax.nets`.
        width: channels of the first convolution, or of every block.
        widths: channels of each level, from fine to coarse.
        hidden: width of the dense layer.
        fold: side of the squares of pixels that are folded into channels first.
        patch: the same for SNGANEnergy.
        activation: "swish", "leaky" or "relu".
        dtype: "float32" or "bfloat16", of the computation; parameters and energies
            are float32.
    """

    name: str
    width: int | None = None
    widths: tuple[int, ...] | None = None
    hidden: int | None = None
    fold: int | None = None
    patch: int | None = None
    activation: str | None = None
    dtype: str = "float32"

    def __post_init__(self) -> None:
        _sizes(self, "width", "hidden", "fold", "patch")


def _sizes(net: Any, *names: str) -> None:
    """Refuses sizes below 1, and what every network has out of its range."""
    for name in (*names, "widths"):
        at_least(net, name, 1)
    if net.widths == () and net.name != "MLP":
        raise ValueError(f"{type(net).__name__}.widths is empty; name one for a level.")
    if hasattr(net, "dropout"):
        below(net, "dropout", 0, 1)
    one_of(net, "dtype", ("float32", "bfloat16"))
    if getattr(net, "activation", None) is not None:
        one_of(net, "activation", ("swish", "leaky", "relu"))
