"""Presets of OpenAI's improved and guided diffusion; see `presets`."""

from collections.abc import Iterator
from typing import Any

__all__ = ["rows"]

Row = tuple[str, dict[str, Any], dict[str, Any]]

_MULTIPLES = {
    32: (1, 2, 2, 2),
    64: (1, 2, 3, 4),
    128: (1, 1, 2, 3, 4),
    256: (1, 1, 2, 2, 4, 4),
    512: (0.5, 1, 1, 2, 2, 4, 4),
}


def rows() -> dict[str, Row]:
    """(family, flags, traits) by the name of the file."""
    return dict(_improved()) | dict(_guided())


def _improved() -> Iterator[tuple[str, Row]]:
    cosine = {"betas": "cosine", "steps": 4000, "num_heads": 4}
    for loss in ("", "_vlb"):
        name = f"cifar10_uncond{loss}_50M_500K"
        yield name, _row(32, 128, 3, cosine | {"rescaled": True})
    for name in ("imagenet64_uncond_100M_1500K", "imagenet64_uncond_vlb_100M_1500K"):
        yield name, _row(64, 128, 3, cosine | {"rescaled": True})
    yield "imagenet64_cond_270M_250K", _row(64, 192, 3, cosine, labels=True)
    lsun = {"betas": "linear", "steps": 1000, "num_heads": 1}
    for steps in ("1200K_bs128", "2400K_bs64"):
        name = f"lsun_uncond_100M_{steps}"
        yield name, _row(256, 128, 2, lsun, scale_shift=False)


def _guided() -> Iterator[tuple[str, Row]]:
    linear = {"betas": "linear", "steps": 1000, "num_head_channels": 64}
    cosine = {**linear, "betas": "cosine", "new_order": True}
    heads = {"betas": "linear", "steps": 1000, "num_heads": 4}
    more: dict[str, Any] = {"resize": "block"}
    yield "64x64_diffusion", _row(64, 192, 3, cosine, labels=True, **more)
    yield "128x128_diffusion", _row(128, 256, 2, heads, labels=True, **more)
    yield "256x256_diffusion", _row(256, 256, 2, linear, labels=True, **more)
    yield "256x256_diffusion_uncond", _row(256, 256, 2, linear, **more)
    yield "512x512_diffusion", _row(512, 256, 2, linear, labels=True, **more)
    for data in ("bedroom", "cat", "horse", "horse_nodropout"):
        yield f"lsun_{data}", _row(256, 256, 2, linear, **more)


def _row(
    side: int,
    width: int,
    blocks: int,
    flags: dict[str, Any],
    labels: bool = False,
    resize: str = "conv",
    scale_shift: bool = True,
) -> Row:
    traits = {
        "width": width,
        "blocks": blocks,
        "multiples": _MULTIPLES[side],
        "labels": labels,
        "resize": resize,
        "scale_shift": scale_shift,
    }
    return "openai", flags | {"side": side}, traits
