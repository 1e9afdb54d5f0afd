"""The families of Song et al., EDM and NCSNv2; see `families`."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from purifax import nets
from purifax.recipe.spelling import nearest
from purifax.run.errors import UsageError
from purifax.weights import Prediction, containers, edm, ncsnv2, presets, score_sde
from purifax.weights.conversion import Converted
from purifax.weights.foreign_file import dictionary
from purifax.weights.labels import fixed

__all__ = ["adp_family", "edm_family", "ncsnv2_family", "numbers", "score_sde_family"]

_OF_POSITIONS = ("VP", "VPDiscrete", "SubVP", "VEDiscrete")


def score_sde_family(
    path: str,
    *,
    entry: Literal["ema", "raw"] = "ema",
    attention: Sequence[str] = ("16",),
    side: int = 32,
    process: str | None = None,
    largest: float | None = None,
    steps: int = 1000,
    preset: str | None = None,
) -> Converted:
    """A score of Song et al.

    With Fourier features it is one of VE, whose label is log sigma. With positional
    ones the arrays serve VP and sub-VP, in continuous time and in steps, and VE in
    steps alike, and the process must be given.
    """
    heights = tuple(int(n) for n in numbers("attention", attention))
    stored = dictionary(path)
    network = score_sde.convert(stored, entry=entry, attention=heights, side=side)
    traits = _traits(network.module)
    taken = {"entry": entry, "process": process or "VE"}
    if preset is not None:
        taken |= {"differs": presets.compared(preset, traits)}
    shape = (side, side, network.module.channels)
    if isinstance(network.module, nets.NCSNpp):
        if process not in (None, "VE"):
            raise UsageError(
                "a network with Fourier features belongs to the process VE; leave "
                f"--process={process}."
            )
        predicts = Prediction(process=_levels(side, largest))
        return Converted(network, shape, predicts=predicts, taken=taken)
    _check_process(process, traits)
    if process == "VEDiscrete":
        network = score_sde.negated(network)
    predicts = _predicts(process or "", side, largest, steps)
    return Converted(network, shape, predicts=predicts, taken=taken)


def _check_process(process: str | None, traits: Mapping[str, Any]) -> None:
    """Refuse a network of positional features without one of its processes."""
    if process in _OF_POSITIONS:
        return
    known = " ".join(f"--process={name}" for name in _OF_POSITIONS)
    fit = ", ".join(presets.fitting("score_sde", traits))
    hint = nearest(process, _OF_POSITIONS) if process else ""
    raise UsageError(
        f"this is a {traits['network']}, and its arrays do not tell its process: give "
        f"--preset, of which these fit: {fit}; or one of {known}; got "
        f"{process or 'none'}{hint}"
    )


def _predicts(process: str, side: int, largest: float | None, steps: int) -> Prediction:
    """What a network with positional labels predicts."""
    if not 2 <= steps <= 10**5:
        raise UsageError(f"--steps is the length of the chain; got {steps}.")
    if process == "VPDiscrete":
        ends = {"first": 0.1 / steps, "last": 20 / steps}
        if ends["last"] >= 1:
            raise UsageError(f"--steps={steps} gives betas of 1 and more; give 21 up.")
        return Prediction("noise", {"name": "linear", "length": steps} | ends)
    if process == "VEDiscrete":
        levels = _levels(side, largest)
        if levels is None:
            raise UsageError("give --largest, the largest sigma of the levels.")
        return Prediction(
            "noise", levels, label_scale=1.0 - steps, label_start=steps - 1.0
        )
    return Prediction("noise", {"name": process}, label_scale=999)


def _traits(module: Any) -> dict[str, Any]:
    """What the arrays tell, by the words of the presets."""
    if isinstance(module, nets.UNet2D):
        first = module.widths[0]
        multiples = tuple(width // first for width in module.widths)
        return {"network": "DDPM", "blocks": module.blocks, "multiples": multiples}
    kind = "DDPM++"
    if module.filtered:
        kind = "NCSN++ with positional labels"
    if isinstance(module, nets.NCSNpp):
        kind = "NCSN++ with pyramids" if module.pyramids else "NCSN++"
    return {
        "network": kind,
        "blocks": module.blocks,
        "multiples": tuple(module.multiples),
    }


def _levels(side: int, largest: float | None) -> dict[str, Any] | None:
    """VE with the levels of small images, 0.01 to 50; those of larger ones depend on
    the images.
    """
    if largest is not None:
        if not 0.01 < largest < 1e6:
            raise UsageError(f"--largest is a sigma above 0.01; got {largest}.")
        return {"name": "VE", "smallest": 0.01, "largest": largest}
    return {"name": "VE"} if side <= 32 else None


def edm_family(
    path: str, *, label: str | None = None, preset: str | None = None
) -> Converted:
    """EDM's and EDM2's pickles, which say how they are preconditioned."""
    stored = dictionary(path)
    network, traits = edm.convert(stored), edm.traits(stored)
    taken = {"entry": "ema"}
    if preset is not None:
        taken |= {"differs": presets.compared(preset, traits)}
    network, words = fixed(network, label, mean=False)
    side, channels = traits["side"], network.module.channels
    predicts, latent = Prediction("denoised", {"name": "EDM"}), channels not in (1, 3)
    if latent:  # variables of an autoencoder, which have no range
        process = {"name": "EDM", "width": 1.0}
        predicts = Prediction("denoised", process, centre=0.0, width=1.0)
    shape = (side, side, channels)
    taken |= words
    return Converted(network, shape, predicts=predicts, taken=taken, latent=latent)


def ncsnv2_family(
    path: str,
    *,
    entry: Literal["ema", "raw"] = "ema",
    side: int = 32,
    preset: str | None = None,
) -> Converted:
    """NCSNv2, as its authors save it; its levels stand in the file."""
    stored = containers.read(path)
    variables = ncsnv2.convert(stored, entry)
    params = variables["params"]["begin_conv"]["kernel"]
    module = nets.NCSNv2(width=params.shape[3], channels=params.shape[2])
    levels = ncsnv2.levels(stored, entry)
    predicts = Prediction(process=_levels(side, None))
    taken = {"entry": entry}
    if levels is not None:
        ends = {"smallest": levels[0], "largest": levels[1]}
        predicts = Prediction(process={"name": "VE"} | ends)
        if preset is not None:
            found = {"largest": float(f"{levels[1]:.6g}")}
            taken |= {"differs": presets.compared(preset, found)}
    network = nets.Network(module, variables)
    shape = (side, side, module.channels)
    return Converted(network, shape, predicts=predicts, taken=taken)


def adp_family(
    path: str, *, entry: Literal["ema", "raw"] = "raw", side: int = 32
) -> Converted:
    """ADP uses the last weights and not their average."""
    return ncsnv2_family(path, entry=entry, side=side)


def numbers(name: str, words: Sequence[str]) -> tuple[float, ...]:
    """The numbers of a flag.

    Raises:
        UsageError: a word is no number.
    """
    try:
        return tuple(float(word) for word in words)
    except ValueError:
        text = ",".join(words)
        raise UsageError(f"--{name} takes numbers; got {text!r}.") from None
