"""Presets of score_sde (Song et al.), NCSNv2 and EDM; see `presets`."""

from collections.abc import Iterator
from typing import Any

__all__ = ["rows"]

Row = tuple[str, dict[str, Any], dict[str, Any]]

_CIFAR, _LARGE = (1, 2, 2, 2), (1, 1, 2, 2, 2, 2, 2)


def rows() -> dict[str, Row]:
    """(family, flags, traits) by the author's name."""
    return dict(_score_sde()) | dict(_ncsnv2()) | dict(_edm()) | dict(_edm2())


def _score_sde() -> Iterator[tuple[str, Row]]:
    for way, suffix, process in (
        ("vp", "", "VPDiscrete"),
        ("vp", "_continuous", "VP"),
        ("subvp", "_continuous", "SubVP"),
        ("ve", "", "VEDiscrete"),
    ):
        flags = {"process": process, "side": 32}
        for net in ("ddpmpp", "ncsnpp"):
            if way == "ve" and net == "ddpmpp":
                continue
            yield f"{way}/cifar10_{net}{suffix}", _row(flags, net, 4)
            if suffix:
                yield f"{way}/cifar10_{net}_deep{suffix}", _row(flags, net, 8)
    for name, process in (
        ("vp/ddpm/cifar10", "VPDiscrete"),
        ("vp/ddpm/cifar10_continuous", "VP"),
        ("subvp/cifar10_ddpm_continuous", "SubVP"),
        ("ve/cifar10_ddpm", "VEDiscrete"),
    ):
        yield name, _row({"process": process, "side": 32}, "ddpm", 2)
    for data in ("bedroom", "church", "celebahq"):
        flags = {"process": "VPDiscrete", "side": 256}
        yield f"vp/ddpm/{data}", _row(flags, "ddpm", 2, (1, 1, 2, 2, 4, 4))
    celeba = {"process": "VEDiscrete", "side": 64, "largest": 90.0}
    yield "ve/celeba_ncsnpp", _row(celeba, "ncsnpp", 4)
    for deep, blocks in (("", 4), ("_deep", 8)):
        name = f"ve/cifar10_ncsnpp{deep}_continuous"
        yield name, _row({"process": "VE", "side": 32}, "fourier", blocks)
    for data, largest in (
        ("bedroom", 378.0),
        ("church", 380.0),
        ("ffhq_256", 348.0),
        ("celebahq_256", 348.0),
    ):
        flags = {"process": "VE", "side": 256, "largest": largest}
        yield f"ve/{data}_ncsnpp_continuous", _row(flags, "skips", 2, _LARGE)
    for data in ("ffhq", "celebahq"):
        flags = {"process": "VE", "side": 1024, "largest": 1348.0}
        wide = (1, 2, 4, 8, 16, 32, 32, 32)
        yield f"ve/{data}_ncsnpp_continuous", _row(flags, "skips", 1, wide)


_NETWORKS = {
    "ddpm": "DDPM",
    "ddpmpp": "DDPM++",
    "ncsnpp": "NCSN++ with positional labels",
    "fourier": "NCSN++",
    "skips": "NCSN++ with pyramids",
}


def _row(
    flags: dict[str, Any], net: str, blocks: int, multiples: tuple[int, ...] = _CIFAR
) -> Row:
    traits = {"network": _NETWORKS[net], "blocks": blocks, "multiples": multiples}
    return "score_sde", flags | {"attention": ["16"]}, traits


def _ncsnv2() -> Iterator[tuple[str, Row]]:
    for data, side, levels, largest in (
        ("cifar10", 32, 232, 50.0),
        ("celeba", 64, 500, 90.0),
    ):
        flags = {"side": side}
        traits = {"levels": levels, "largest": largest}
        yield f"ve/ncsnv2/{data}", ("ncsnv2", flags, traits)


def _edm() -> Iterator[tuple[str, Row]]:
    for kind in ("vp", "ve"):
        cifar = "cifar10-32x32"
        for labels in ("cond", "uncond"):
            yield f"edm-{cifar}-{labels}-{kind}", _precondition("EDMPrecond", 32)
        for data in ("ffhq", "afhqv2"):
            yield f"edm-{data}-64x64-uncond-{kind}", _precondition("EDMPrecond", 64)
        name = f"baseline-{cifar}-uncond-{kind}"
        yield name, _precondition(f"{kind.upper()}Precond", 32)
    yield "edm-imagenet-64x64-cond-adm", _precondition("EDMPrecond", 64)
    yield "baseline-imagenet-64x64-cond-adm", _precondition("iDDPMPrecond", 64)


def _precondition(kind: str, side: int) -> Row:
    return "edm", {}, {"preconditioning": kind, "side": side}


def _edm2() -> Iterator[tuple[str, Row]]:
    widths = {"xs": 128, "s": 192, "m": 256, "l": 320, "xl": 384, "xxl": 448}
    for data in ("img512", "img64"):
        for size, width in widths.items():
            if (data, size) != ("img64", "xxl"):
                traits = {"preconditioning": "Precond", "side": 64, "width": width}
                yield f"edm2-{data}-{size}", ("edm", {}, traits)
