"""What it takes to purify a large set: counted work over what a chip does.

    chip hours = images x calls x work of a call / (product x utilisation) / 3600

The work is XLA's count of the network at the size asked for, without its being
compiled or run. The utilisation is the share of a large matrix product's rate that the
purifier reaches: measured by `cost_rates`, or assumed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
from jax import Array
from jax import numpy as jnp

from purifax import nets
from purifax.purify import ADP, DiffPure, Langevin

__all__ = [
    "CHIPS",
    "METHODS",
    "SETS",
    "Chip",
    "Method",
    "chip_hours",
    "counted",
    "here",
    "tables",
    "work",
]


@dataclass(frozen=True)
class Chip:
    """An accelerator.

    Attributes:
        product: operations a second of a large matrix product in bfloat16.
        host: how many a machine has.
        price: assumed, dollars an hour.
        kind: what jax calls it.
    """

    name: str
    product: float
    host: int
    price: float
    kind: str = ""


CHIPS = (
    Chip("H200", product=790e12, host=8, price=3.5, kind="NVIDIA H200"),
    Chip("TPU v5e", product=0.8 * 197e12, host=4, price=1.2, kind="TPU v5 lite"),
)
"""An H200's product is what others measured, 80% of the data sheet; a v5e's is taken to
be the same share."""

SETS = {"ImageNet-1k": 1_281_167, "A set like LAION": 1_000_000_000}


@dataclass(frozen=True)
class Method:
    """A purifier as published.

    Attributes:
        module: its network for images of so many pixels a side.
        purifier: its recipe, with all its steps.
        slope: whether each call is the gradient of an energy.
        told: whether the network is told a noise level or a time.
    """

    module: Callable[[int], nn.Module]
    purifier: Any
    slope: bool = False
    told: bool = True

    @property
    def calls(self) -> int:
        """How often an image goes through the network, one run of the purifier.

        A score is asked once more after Langevin's steps, an energy is not.
        """
        return self.purifier.calls() - self.slope


def _diffpure(side: int) -> nn.Module:
    """Its network for CIFAR-10, and from 256 pixels that for ImageNet."""
    if side < 256:
        return nets.DDPMpp(blocks=8)
    levels = {"multiples": (1, 1, 2, 2, 4, 4), "attention": (3, 4, 5)}
    return nets.OpenAIUNet(width=256, blocks=2, head_width=64, resize="block", **levels)


_SDE = DiffPure(
    sampler="sde_in_time", process="VP", time=0.1, last_time=1e-5, steps=100
)
_CHAIN = DiffPure(sampler="ancestral", process="linear", time=99.0, steps=100)


def _pull(steps: int) -> Langevin:
    return Langevin(epsilon=0.005, temperature=1e-4, steps=steps)


METHODS = {
    "ADP, 10 steps": Method(lambda side: nets.NCSNv2(width=128), ADP(steps=10)),
    "DiffPure, 100 steps": Method(_diffpure, _SDE),
    "ECLIPSE, 100 steps": Method(lambda side: nets.OpenAIUNet(), _CHAIN),
    "PureGen's energy, 150 steps": Method(
        lambda side: nets.SNGANEnergy(), _pull(150), slope=True, told=False
    ),
    "Stochastic Security, 1,500 steps": Method(
        lambda side: nets.LightEnergy(), _pull(1500), slope=True, told=False
    ),
}
"""The published settings for CIFAR-10; of other sizes only the images are."""


def work(method: Method, side: int, platform: str = "tpu") -> float:
    """Operations of one call on one image, see `counted`; nothing is run."""
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
    return counted(fn, variables, image, *more, platform=platform)


def counted(fn: Callable[..., Any], *arguments: Any, platform: str = "tpu") -> float:
    """Operations of one call, by XLA's count of the program; nothing is run.

    Args:
        arguments: arrays, or their shapes.
        platform: that the program is for. On "cpu" wide convolutions are done by fewer
            products, see `nets.winograd`; on "tpu" none are, nor are they on a GPU, and
            that is the work that is told of a network.
    """
    lowered = jax.jit(fn).trace(*arguments).lower(lowering_platforms=(platform,))
    told: Any = lowered.cost_analysis()
    return float(told["flops"])


def here() -> str:
    """What `counted` calls the devices at hand."""
    return "cpu" if jax.default_backend() == "cpu" else "tpu"


def chip_hours(flops: float, images: int, chip: Chip, utilisation: float) -> float:
    """Hours of one chip for so many images of so many operations each.

    >>> round(chip_hours(1e12, 3_600_000, Chip("a", 1e15, 8, 1.0), 0.5), 3)
    2.0
    """
    return images * flops / (chip.product * utilisation) / 3600


def tables(
    side: int,
    utilisation: Mapping[str, float],
    hosts: int,
    chips: Sequence[Chip] = CHIPS,
) -> str:
    """The plan in Markdown: of each set the work, and of each chip hours and dollars.

    Args:
        utilisation: of each of `METHODS`, by name.
        hosts: machines that share the work, each with all its chips.
    """
    flops = {
        name: method.calls * work(method, side) for name, method in METHODS.items()
    }
    parts = []
    for name, images in SETS.items():
        lines = [_head(chips, hosts)]
        lines.append(["---", *["---:"] * (len(lines[0]) - 1)])
        for method, each in flops.items():
            share = utilisation[method]
            hours = [chip_hours(each, images, chip, share) for chip in chips]
            cells = [
                _round(number)
                for chip, one in zip(chips, hours, strict=True)
                for number in (one, one / (hosts * chip.host), one * chip.price)
            ]
            lines.append([method, _round(each / 1e12), f"{share:.0%}", *cells])
        rows = [f"| {' | '.join(line)} |" for line in lines]
        parts.append("\n".join([f"{name}, {images:,} images:", "", *rows]))
    return "\n\n".join(parts)


def _head(chips: Sequence[Chip], hosts: int) -> list[str]:
    """What the columns are."""
    head = ["purifier", "TFLOP an image", "of the product"]
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
