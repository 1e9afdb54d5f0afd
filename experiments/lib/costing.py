"""What it takes to purify a large set: counted work over what a chip does.

    chip hours = images x calls x work of a call / (peak x utilisation) / 3600

The work is XLA's count of the network at the size asked for, without its being
compiled or run. Everything in `CHIPS` but the peaks is an assumption, and so is the
utilisation until it has been measured.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import flax.linen as nn
import jax
from jax import Array
from jax import numpy as jnp

from purifax import nets

__all__ = ["CHIPS", "METHODS", "SETS", "Chip", "Method", "chip_hours", "tables", "work"]


@dataclass(frozen=True)
class Chip:
    """An accelerator.

    Attributes:
        peak: of its data sheet, operations a second: bfloat16, without sparsity.
        host: how many a machine has.
        price: assumed, dollars an hour.
    """

    name: str
    peak: float
    host: int
    price: float


CHIPS = (
    Chip("H200", peak=989e12, host=8, price=3.5),
    Chip("TPU v5e", peak=197e12, host=4, price=1.2),
)

SETS = {"ImageNet-1k": 1_281_167, "A set like LAION": 1_000_000_000}


@dataclass(frozen=True)
class Method:
    """A purifier as published.

    Attributes:
        module: its network for images of so many pixels a side.
        calls: how often an image goes through it, one run of the purifier.
        slope: whether each call is the gradient of an energy.
        told: whether the network is told a noise level or a time.
    """

    module: Callable[[int], nn.Module]
    calls: int
    slope: bool = False
    told: bool = True


def _diffpure(side: int) -> nn.Module:
    """Its network for CIFAR-10, and from 256 pixels that for ImageNet."""
    if side < 256:
        return nets.DDPMpp(blocks=8)
    levels = {"multiples": (1, 1, 2, 2, 4, 4), "attention": (3, 4, 5)}
    return nets.OpenAIUNet(width=256, blocks=2, head_width=64, resize="block", **levels)


METHODS = {
    "ADP, 10 steps": Method(lambda side: nets.NCSNv2(width=128), 20),
    "DiffPure, 100 steps": Method(_diffpure, 100),
    "ECLIPSE, 100 steps": Method(lambda side: nets.OpenAIUNet(), 100),
    "PureGen's energy, 150 steps": Method(
        lambda side: nets.SNGANEnergy(), 150, slope=True, told=False
    ),
    "Stochastic Security, 1,500 steps": Method(
        lambda side: nets.LightEnergy(), 1500, slope=True, told=False
    ),
}
"""The published settings for CIFAR-10; of other sizes only the images are."""


def work(method: Method, side: int) -> float:
    """Operations of one call on one image, by XLA's count; nothing is run."""
    module = method.module(side)
    image = jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32)
    more = (jax.ShapeDtypeStruct((1,), jnp.float32),) if method.told else ()
    key = jax.eval_shape(lambda: jax.random.key(0))
    variables = jax.eval_shape(module.init, key, image, *more)

    def call(variables: Any, x: Array, *more: Array) -> Array:
        return module.apply(variables, x, *more)  # pyright: ignore[reportReturnType]

    def slope(variables: Any, x: Array) -> Array:
        return jax.grad(lambda x: jnp.sum(call(variables, x)))(x)

    fn = slope if method.slope else call
    told: Any = jax.jit(fn).lower(variables, image, *more).cost_analysis()
    return float(told["flops"])


def chip_hours(flops: float, images: int, chip: Chip, utilisation: float) -> float:
    """Hours of one chip for so many images of so many operations each.

    >>> round(chip_hours(1e12, 3_600_000, Chip("a", 1e15, 8, 1.0), 0.5), 3)
    2.0
    """
    return images * flops / (chip.peak * utilisation) / 3600


def tables(
    side: int, utilisation: float, hosts: int, prices: Sequence[float] = ()
) -> str:
    """The plan in Markdown: of each set the work, and of each chip hours and dollars.

    Args:
        utilisation: of the peak.
        hosts: machines that share the work, each with all its chips.
        prices: dollars an hour of each of `CHIPS`, in place of what is assumed there.
    """
    given = prices or [chip.price for chip in CHIPS]
    chips = [replace(chip, price=at) for chip, at in zip(CHIPS, given, strict=True)]
    flops = {
        name: method.calls * work(method, side) for name, method in METHODS.items()
    }
    parts = []
    for name, images in SETS.items():
        lines = [_head(chips, hosts)]
        lines.append(["---", *["---:"] * (len(lines[0]) - 1)])
        for method, each in flops.items():
            hours = [chip_hours(each, images, chip, utilisation) for chip in chips]
            cells = [
                _round(number)
                for chip, one in zip(chips, hours, strict=True)
                for number in (one, one / (hosts * chip.host), one * chip.price)
            ]
            lines.append([method, _round(each / 1e12), *cells])
        rows = [f"| {' | '.join(line)} |" for line in lines]
        parts.append("\n".join([f"{name}, {images:,} images:", "", *rows]))
    return "\n\n".join(parts)


def _head(chips: Sequence[Chip], hosts: int) -> list[str]:
    """What the columns are."""
    head = ["purifier", "TFLOP an image"]
    for chip in chips:
        of = f"on {hosts * chip.host}: hours"
        head += [f"{chip.name} hours", of, f"dollars at {chip.price:g}"]
    return head


def _round(number: float) -> str:
    """Three digits, or all before the point.

    >>> _round(0.12345), _round(12345.6)
    ('0.123', '12,346')
    """
    return f"{number:.3g}" if number < 100 else f"{number:,.0f}"
