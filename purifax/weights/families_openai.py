"""The family of OpenAI's improved and guided diffusion; see `families`."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from purifax import nets
from purifax.run.errors import UsageError
from purifax.weights import Prediction, openai, presets, states
from purifax.weights.conversion import Converted
from purifax.weights.foreign_file import chosen
from purifax.weights.labels import fixed

__all__ = ["openai_family"]


def openai_family(
    path: str,
    *,
    num_heads: int | None = None,
    num_head_channels: int | None = None,
    num_heads_upsample: int | None = None,
    new_order: bool = False,
    betas: Literal["linear", "cosine"] | None = None,
    steps: int | None = None,
    rescaled: bool = False,
    groups: int = 32,
    side: int | None = None,
    label: str | None = None,
    entry: str | None = None,
    preset: str | None = None,
) -> Converted:
    """A UNet, whose chain, heads and images its arrays do not tell."""
    if betas not in ("linear", "cosine") or steps is None or side is None:
        raise UsageError(
            "OpenAI's files say nothing of their chain and images, and their networks "
            "differ in them: give --betas (linear or cosine), --steps (1000 or 4000) "
            f"and --side, or --preset{_fitting(path, entry)}; got {betas}, {steps} and "
            f"{side}."
        )
    process = _chain(betas, steps)
    arrays, taken = chosen(path, entry)
    make = partial(
        openai.unet,
        arrays,
        num_heads=num_heads,
        num_head_channels=num_head_channels,
        num_heads_upsample=num_heads_upsample,
        use_new_attention_order=new_order,
        time_scale=1000 / steps if rescaled else 1.0,
        groups=groups,
    )
    network = make()
    if preset is not None:
        taken |= {"differs": presets.compared(preset, _traits(network.module))}
    network, words = fixed(network, label)
    learned = network.module.learned_variance
    predicts = Prediction("noise_and_variance" if learned else "noise", process)

    def other(**flags: Any) -> Callable[[], nets.Network]:
        return lambda: fixed(make(**flags), label)[0]

    return Converted(
        network,
        (side, side, network.module.channels),
        predicts=predicts,
        taken=taken | words,
        others=_others(other, num_heads, num_head_channels, new_order),
    )


def _others(
    other: Callable[..., Callable[[], nets.Network]],
    heads: int | None,
    width: int | None,
    new_order: bool,
) -> dict[str, Callable[[], nets.Network]]:
    """The network with the other order of channels, and with more and fewer heads."""
    order = {"use_new_attention_order": not new_order}
    made = {f"new_order={not new_order}": other(**order)}
    name = "num_head_channels" if heads is None else "num_heads"
    count = width or heads or 1
    for number in (2 * count, count // 2):
        if number:
            made[f"{name}={number}"] = other(**{name: number})
            flags = {name: number} | order
            made[f"{name}={number}, new_order={not new_order}"] = other(**flags)
    return made


def _chain(betas: str, steps: int) -> dict[str, Any]:
    """The process; the ends of linear betas are scaled by 1000 / steps."""
    least = 21 if betas == "linear" else 2
    if not least <= steps <= 10**5:
        raise UsageError(
            f"--steps is the length of the chain, from {least} (shorter {betas} chains "
            f"have betas of 1 and more) to 100000; got {steps}."
        )
    process: dict[str, Any] = {"name": betas, "length": steps}
    if betas == "linear":
        process |= {"first": 0.1 / steps, "last": 20 / steps}
    return process


def _fitting(path: str, entry: str | None) -> str:
    """The presets that a file fits, for an error."""
    try:
        arrays, _ = chosen(path, entry)
        module = openai.architecture(states.lasting(arrays))
        found = presets.fitting("openai", _traits(module))
    except (AttributeError, LookupError, OSError, TypeError, ValueError):
        return ""  # the error is about the flags, whatever the file holds
    return f" ({', '.join(found)})"


def _traits(module: Any) -> dict[str, Any]:
    """What the arrays tell, by the words of the presets."""
    return {
        "width": module.width,
        "blocks": module.blocks,
        "multiples": tuple(module.multiples),
        "labels": module.num_classes is not None,
        "resize": module.resize,
        "scale_shift": module.scale_shift,
    }
