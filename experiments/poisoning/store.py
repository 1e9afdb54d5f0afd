"""Poisoned sets in folders: crafted once, verified when stored, and read again."""

import dataclasses
import json
import pathlib
from typing import Any

import numpy as np
from jax import numpy as jnp

from experiments.poisoning.context import Context
from purifax import data, poison
from purifax.data import poisoned
from purifax.poison import Poison
from purifax.run import pictures, workdir
from purifax.run.config import plain
from purifax.run.extras import extra

__all__ = ["aim_of", "check", "craft", "finished", "name_of"]


def name_of(recipe: Any) -> str:
    """What a poison is called: the field's name of it, or the user's."""
    return getattr(recipe, "name", None) or type(recipe).__name__.lower()


def check(folder: pathlib.Path, config: Any, may_grow: tuple[str, ...] = ()) -> None:
    """As `workdir.check`; refuses the folder of an earlier version in one line.

    Raises:
        ValueError: the folder belongs to another config, or to that version.
    """
    path = folder / "config.json"
    if path.is_file() and "crafting" in workdir.read_json(path, "kind"):
        raise ValueError(
            f"{path} was written by a version of purifax before 0.2, which had no "
            "recipes; its images and report can be read, but not resumed. Give another "
            "--workdir."
        )
    workdir.check(folder, config, may_grow)


def craft(
    place: pathlib.Path,
    name: str,
    recipe: Any,
    context: Context,
    test: data.Images | None,
) -> None:
    """Build a poison, verify the 8-bit images that it gives, and store the set.

    Args:
        name: what it is called in the record.

    Raises:
        ValueError: the images exceed the budget.
    """
    found, clean = recipe.build(context), context.images
    before = jnp.asarray(clean.images)
    images, labels = poison.inject(before, jnp.asarray(clean.labels), found)
    far = float(poison.verify(before, found, images))
    train = dataclasses.replace(
        clean, images=np.asarray(images), labels=np.asarray(labels)
    )
    words = _words(name, recipe, context) | {
        "poisoned": found.index.shape[0],
        "budget": _budget(found),
        "largest_distance": far,
    }
    poisoned.write(place, train, test, _arrays(found), words)
    with extra("poison.png"):
        _picture(place, clean.images, poisoned.read(place, "train").images, found)


def finished(place: pathlib.Path, name: str, recipe: Any, context: Context) -> bool:
    """Whether the folder holds this poisoned set.

    Raises:
        ValueError: it holds another one; what differs is named.
    """
    if not (place / "poison.json").is_file():
        return False
    there = poisoned.record(place)
    wanted = json.loads(json.dumps(_words(name, recipe, context)))
    for field, value in wanted.items():
        if there.get(field) != value:
            raise ValueError(
                f"{place} holds another poisoned set: its {field} is "
                f"{there.get(field)}, not {value}. Give another --workdir or remove it."
            )
    return True


def _words(name: str, recipe: Any, context: Context) -> dict[str, Any]:
    """What distinguishes this poisoned set from others, for JSON."""
    found = {
        "method": name,
        "seed": context.seed,
        "poison": plain(recipe),
        "source": context.images.source,
        "source_sha256": poisoned.digest(context.images),
    }
    aim = aim_of(recipe, context)
    return found | ({"target": aim} if aim else {})


def aim_of(recipe: Any, context: Context) -> dict[str, int]:
    """The target of a poison, for JSON; empty for a poison without one."""
    if hasattr(recipe, "aim"):
        aim = recipe.aim(context)
        return {"index": aim.index, "label": aim.label, "wanted": aim.wanted}
    return {"wanted": recipe.target} if hasattr(recipe, "trigger") else {}


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
