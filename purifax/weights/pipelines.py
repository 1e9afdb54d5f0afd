"""Folders as diffusers saves them, taken where a work directory is asked for.

`purifax convert --from=diffusers` has flags for what its files do not tell, and keeps
what it makes; here each process reads the files. The network is tried on digits, as it
is at conversion.
"""

import functools
import pathlib
from typing import Any

from purifax import nets
from purifax.weights.predictions import Prediction

__all__ = ["is_pipeline", "network", "words"]


def is_pipeline(folder: pathlib.Path) -> bool:
    """Whether a folder holds a pipeline or a network of diffusers."""
    if (folder / "network.json").exists():
        return False
    if (folder / "model_index.json").is_file():
        return True
    homes = (folder / "unet_ema", folder / "unet", folder)
    return any(_is_network(home / "config.json") for home in homes)


def words(folder: pathlib.Path) -> dict[str, Any]:
    """What ``network.json`` would say of the network, but how it is rebuilt.

    Raises:
        ValueError, FileNotFoundError: as in `families.read`.
    """
    made = _read(folder)
    told = {"module": type(made.network.module).__name__, "image": list(made.shape)}
    return told | {"role": made.role} | (made.predicts or Prediction()).words()


def network(folder: pathlib.Path) -> nets.Network:
    """The network.

    Raises:
        ValueError: it denoises digits worse than nothing, or than in another reading.
        ValueError, FileNotFoundError: as in `families.read`.
    """
    from purifax.weights import conversion

    made = _read(folder)
    refusal = conversion.tried(made).refusal()
    if refusal:
        raise ValueError(
            f"{folder}: {refusal} `purifax convert --from=diffusers {folder} OUT` "
            "shows the errors, and with --anyway makes a work directory of it."
        )
    return made.network


def _is_network(config: pathlib.Path) -> bool:
    from purifax.run import json_text

    return config.is_file() and "_class_name" in json_text.read(config, dict)


def _read(folder: pathlib.Path) -> Any:
    """The folder, read again once something in it has changed."""
    paths = sorted(folder.rglob("*"))
    stamps = [(str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in paths]
    return _read_once(str(folder), tuple(stamps))


@functools.lru_cache(maxsize=1)  # role, sizes, meaning and arrays are asked in turn
def _read_once(folder: str, stamps: tuple[tuple[str, int, int], ...]) -> Any:
    del stamps
    from purifax.weights import families

    return families.read("diffusers", folder, {})
