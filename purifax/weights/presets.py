"""Published checkpoints by the names of their authors, and the flags each is read with.

What arrays do not tell stands in the config with which a network was trained: the
process, the label of a level, heads, the order of attention, the range of pixels. A
preset holds these as flags of a family; its traits are what the arrays do tell, so that
a file can be compared with it, and the presets that fit a file can be named.

    ve/..., vp/..., subvp/...    configs of score_sde and score_sde_pytorch
    256x256_diffusion_uncond     files of guided and improved diffusion, without `.pt`
    edm-..., baseline-..., edm2-...    files of EDM and EDM2, without `.pkl`
    google/...                   pipelines of diffusers

Source: the configs of the authors' repositories: yang-song/score_sde, NVlabs/edm,
NVlabs/edm2, openai/guided-diffusion, openai/improved-diffusion, ermongroup/ncsnv2.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from purifax.recipe.spelling import nearest
from purifax.run.errors import UsageError
from purifax.weights import presets_openai, presets_song

__all__ = ["PRESETS", "Preset", "compared", "fitting", "flags", "named"]


@dataclass(frozen=True)
class Preset:
    """How a published checkpoint is read.

    Attributes:
        family: a name in `families.FAMILIES`.
        flags: of the family.
        traits: what its arrays tell, by the name of the trait.
    """

    family: str
    flags: Mapping[str, Any] = field(default_factory=dict)
    traits: Mapping[str, Any] = field(default_factory=dict)


def _all() -> Iterator[tuple[str, Preset]]:
    for rows in (presets_song.rows(), presets_openai.rows()):
        for name, (family, words, traits) in rows.items():
            yield name, Preset(family, words, traits)


PRESETS: dict[str, Preset] = dict(_all())

_KINDS = ("network", "labels", "resize", "scale_shift", "preconditioning")
"""Traits without which it is another network; others are sizes."""

_SIZES = ("side", "attention", "groups", "num_heads", "num_head_channels", "entry")
"""Flags that may differ from those of a preset."""


def named(name: str) -> Preset:
    """The preset of a name.

    Raises:
        UsageError: there is none; the nearest name is given.

    >>> named("ve/cifar10_ncsnpp").flags["process"]
    'VEDiscrete'
    """
    if name not in PRESETS:
        raise UsageError(f"there is no preset {name!r}{nearest(name, list(PRESETS))}")
    return PRESETS[name]


def flags(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The flags of a preset and those given, which may change sizes alone.

    Raises:
        UsageError: there is no such preset, or a flag contradicts it.

    >>> flags("ve/cifar10_ncsnpp", {"side": 8})["side"]
    8
    """
    preset = named(name)
    for flag, value in given.items():
        known = preset.flags.get(flag, value)
        if flag not in _SIZES and _text(known) != _text(value):
            raise UsageError(
                f"--preset={name} has --{flag}={_text(known)}; got {_text(value)}. "
                "Leave the flag, or the preset."
            )
    return {**preset.flags, **given}


def fitting(family: str, traits: Mapping[str, Any]) -> list[str]:
    """The names of the presets of a family that fit these traits.

    Where no published network has the sizes, sizes do not matter.

    >>> fitting("score_sde", {"network": "NCSN++", "blocks": 8})
    ['ve/cifar10_ncsnpp_deep_continuous']
    """
    kinds = {k: v for k, v in traits.items() if k in _KINDS}
    for wanted in (traits, kinds):
        found = [
            name
            for name, preset in PRESETS.items()
            if preset.family == family
            and all(preset.traits.get(k, v) == v for k, v in wanted.items())
        ]
        if found:
            return found
    return []


def compared(name: str, traits: Mapping[str, Any]) -> str:
    """Compare the arrays of a file with those of its preset.

    Returns:
        The sizes in which they differ, in words; "" if there are none.

    Raises:
        UsageError: it is another kind of network; presets that fit are named.
    """
    preset = named(name)
    wrong = {
        trait: f"{trait} {_text(traits[trait])} and not {_text(wanted)}"
        for trait, wanted in preset.traits.items()
        if trait in traits and traits[trait] != wanted
    }
    others = [words for trait, words in wrong.items() if trait in _KINDS]
    if others:
        fit = fitting(preset.family, traits)
        hint = f"; these presets fit: {', '.join(fit)}" if fit else ""
        raise UsageError(
            f"this is no checkpoint of --preset={name}: it has {', '.join(others)}"
            f"{hint}."
        )
    return ", ".join(wrong.values())


def _text(value: Any) -> str:
    items = value if isinstance(value, list | tuple) else [value]
    return ",".join(map(str, items))
