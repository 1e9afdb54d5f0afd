"""Poisoned sets in folders: made once, verified as they are stored, and read again."""

import dataclasses
import json
import pathlib
from typing import Any

import numpy as np
from jax import numpy as jnp

from experiments.poisoning.registry import Setting, made, told
from experiments.training import pictures
from purifax import data, poison
from purifax.data import poisoned
from purifax.poison import Poison

__all__ = ["craft", "finished"]


def craft(
    place: pathlib.Path, method: str, setting: Setting, test: data.Images | None
) -> None:
    """Makes a poison, verifies the 8-bit images it gives, and stores the set.

    Raises:
        ValueError: the images exceed the budget.
    """
    found, clean = made(method, setting), setting.images
    before = jnp.asarray(clean.images)
    images, labels = poison.inject(before, jnp.asarray(clean.labels), found)
    far = float(poison.verify(before, found, images))
    train = dataclasses.replace(
        clean, images=np.asarray(images), labels=np.asarray(labels)
    )
    words = _words(method, setting) | {
        "poisoned": found.index.shape[0],
        "budget": _budget(found),
        "largest_distance": far,
    }
    poisoned.write(place, train, test, _arrays(found), words)
    _picture(place, clean.images, poisoned.read(place, "train").images, found)


def finished(place: pathlib.Path, method: str, setting: Setting) -> bool:
    """Whether the folder holds the poisoned set of this setting.

    Raises:
        ValueError: it holds another one; what differs is named.
    """
    if not (place / "poison.json").is_file():
        return False
    there = poisoned.record(place)
    mine = json.loads(json.dumps(_words(method, setting)))
    for name, value in mine.items():
        if there.get(name) != value:
            raise ValueError(
                f"{place} holds another poisoned set: its {name} is {there.get(name)}, "
                f"not {value}. Give another --workdir, or remove it."
            )
    return True


def _words(method: str, setting: Setting) -> dict[str, Any]:
    """What tells this poisoned set from others, for JSON."""
    return {
        "method": method,
        "seed": setting.seed,
        "crafting": dataclasses.asdict(setting.crafting),
        "source": setting.images.source,
        "source_sha256": poisoned.digest(setting.images),
        **told(method, setting),
    }


def _budget(made: Poison) -> dict[str, Any] | None:
    """Norm and radius in words; None where nothing is promised."""
    if made.threat is None:
        return None
    norm, radius = type(made.threat).__name__, float(made.threat.radius)
    return {"norm": norm, "radius": radius}


def _arrays(made: Poison) -> dict[str, np.ndarray]:
    found = {"index": np.asarray(made.index), "delta": np.asarray(made.delta)}
    return found if made.label is None else found | {"label": np.asarray(made.label)}


def _picture(
    place: pathlib.Path, clean: np.ndarray, stored: np.ndarray, made: Poison
) -> None:
    """Rows: clean, poisoned, and the difference around grey, as large as it fits."""
    chosen = np.asarray(made.index)[:10]
    one, other = clean[chosen] / 255, stored[chosen] / 255
    apart = other - one
    enlarged = 0.5 + 0.5 * apart / max(float(np.abs(apart).max()), 1e-6)
    pictures.grid(place / "poison.png", np.stack([one, other, enlarged]))
