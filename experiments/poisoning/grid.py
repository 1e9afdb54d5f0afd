"""The grid: every poison under every defence with every seed, a classifier for each.

A cell is one small JSON file, written whole. It depends on its poison, its defence and
its seed alone, so that cells may come in any order and a grid may grow. Poisoned and
purified sets lie beside the cells and are made once.
"""

import pathlib
import time
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from jax.tree_util import Partial

from experiments.poisoning import outcome, splits, store
from experiments.poisoning.config import PoisonGrid
from experiments.poisoning.context import Context
from experiments.poisoning.defences import stage
from experiments.poisoning.defences.images import JPEG
from experiments.poisoning.defences.plan import NONE, ORACLE, Plan, plan
from experiments.poisoning.defences.revision import Watched, one_after_another
from experiments.poisoning.generators import Generators
from experiments.poisoning.victims import Trainer, trainer, unchanged
from purifax import data, nets
from purifax.data.poisoned import digest, perturbation, read, store_images
from purifax.run import workdir
from purifax.run.progress import Progress
from purifax.run.stop import Stop

__all__ = ["CLEAN", "Cell", "Work", "cells", "rows", "run", "set_up"]

CLEAN = "clean"
"""The column of the set without poison."""


@dataclass(frozen=True)
class Cell:
    """One training: which poison, which defence, which seed."""

    poison: str
    defence: str
    seed: int

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.poison},{self.defence},{self.seed}.json"


@dataclass(frozen=True)
class Work:
    """A grid and everything it is computed with."""

    config: PoisonGrid
    folder: pathlib.Path
    parts: splits.Parts
    trainer: Trainer
    generators: Generators

    def context(self, seed: int) -> Context:
        """What the poisons of a seed are made from."""
        config, parts = self.config, self.parts
        args = parts.victim, self.trainer, seed, config.chunk, parts.other, parts.test
        known = getattr(type(config), "default_defences", dict)()
        return Context(*args, known | dict(config.defences), self.generators)


def cells(config: PoisonGrid) -> list[Cell]:
    """All cells, seeds outermost: clean training, no defence and oracle removal first.

    Raises:
        ValueError: no poison, defence or seed, a seed named twice, or a poison that is
            none.
    """
    for field in ("poisons", "defences", "seeds"):
        names = tuple(getattr(config, field))
        if not names or len(set(names)) < len(names):
            raise ValueError(f"{field} must be one or more, each once; got {names}.")
    for name, poison in config.poisons.items():
        if poison is None:
            raise ValueError(f"poisons.{name} is none; clean training is always there.")
    for defence in config.defences.values():
        plan(defence)
    return [
        Cell(poison, defence, seed)
        for seed in config.seeds
        for poison in (CLEAN, *config.poisons)
        for defence in rows(config)
        if not (poison == CLEAN and defence == ORACLE)
    ]


def rows(config: PoisonGrid) -> dict[str, Any]:
    """The defences of a grid; none, oracle removal and JPEG are never left out."""
    asked = {name: one for name, one in config.defences.items() if name != NONE}
    if not any(isinstance(one, JPEG) for d in asked.values() for one in plan(d).once):
        asked = {"jpeg:75": JPEG(75.0)} | asked
    return {NONE: None, ORACLE: None} | asked


def set_up(config: PoisonGrid, folder: pathlib.Path, data_dir: str | None) -> Work:
    """Loads and divides the images, and claims the work directory.

    Raises:
        ValueError: a config that cannot be run, or a folder of another config.
        DataError: the images are not found.
    """
    cells(config)
    store.check(folder, config, may_grow=("poisons", "defences", "seeds"))
    parts = splits.parts(config.images, data_dir)
    names, place = parts.victim.names, folder / "networks" / "source"
    shape = parts.victim.images.shape[1:]
    made = trainer(config.victim, shape, names, parts.other, place)
    generators = Generators(config, parts, folder / "networks")
    workdir.claim(folder, config)
    (folder / "cells").mkdir(exist_ok=True)
    return Work(config, folder, parts, made, generators)


def run(work: Work, stop: Stop) -> list[dict[str, Any]]:
    """The results of all cells.

    Raises:
        Stopped: it was asked to stop; finished cells are stored.
    """
    todo, found = cells(work.config), []
    progress = Progress(work.folder.name, 0, len(todo), unit="cell")
    try:
        for number, cell in enumerate(todo, 1):
            path = work.folder / "cells" / cell.file
            if not path.is_file():
                stop.check()
                workdir.write_json(path, _result(work, cell))
            found.append(workdir.read_json(path, "poison", "defence", "seed"))
            progress.update(number)
    finally:
        progress.close()
    return found


def _result(work: Work, cell: Cell) -> dict[str, Any]:
    """Trains and tests the classifier of one cell."""
    began = time.monotonic()
    images = _poisoned(work, cell)
    if cell.defence == ORACLE:
        images = _without(work, cell, images)
    found = plan(rows(work.config)[cell.defence])
    images = _purified(work, cell, found, images)
    context = _context(work, cell, images)
    change, revise = _change(context, found), _revise(context, found)
    network = work.trainer.fit(images, cell.seed, change, revise=revise)[-1]
    dropped = {} if revise is None else _dropped(work, cell, images, revise.left)
    return {
        "poison": cell.poison,
        "defence": cell.defence,
        "seed": cell.seed,
        **outcome.of_network(network, work.trainer, work.parts.test),
        **_of_poison(work, cell, network),
        "trained_on": len(images),
        "trained_on_sha256": digest(images),
        **dropped,
        "seconds": round(time.monotonic() - began, 2),
    }


def _context(work: Work, cell: Cell, images: data.Images) -> stage.Context:
    """What the defence of a cell may look at."""
    args = images, work.trainer, cell.seed, work.config.chunk
    return stage.Context(*args, work.generators)


def _poisoned(work: Work, cell: Cell) -> data.Images:
    """The set as the victim finds it, from disk if it was poisoned before."""
    if cell.poison == CLEAN:
        return work.parts.victim
    place, recipe = _place(work, cell), work.config.poisons[cell.poison]
    args = place, cell.poison, recipe, work.context(cell.seed)
    if not store.finished(*args):
        store.craft(*args, None)
    return read(place, "train")


def _without(work: Work, cell: Cell, images: data.Images) -> data.Images:
    """The images that are not poisoned, and the clean ones the defender has.

    Raises:
        ValueError: there are none.
    """
    place = _place(work, cell)
    left = np.delete(np.arange(len(images)), perturbation(place)["index"])
    kept, few = images.take(left), work.parts.sparse
    if not len(kept) + len(few):
        raise ValueError(
            f"'{cell.poison}' poisons every image, and images.sparse is 0: nothing is "
            "left to train on after its removal."
        )
    pixels, labels, index = (
        np.concatenate([getattr(kept, name), getattr(few, name)])
        for name in ("images", "labels", "index")
    )
    return data.Images(pixels, labels, index, kept.names, kept.source)


def _purified(
    work: Work, cell: Cell, defence: Plan, images: data.Images
) -> data.Images:
    """The purified set, from disk if it was purified before."""
    if not defence.once:
        return images
    place = work.folder / "purified"
    path = place / f"{cell.poison},{defence.purified},{cell.seed}.npz"
    if not path.is_file():
        pure = images
        key = jax.random.fold_in(jax.random.key(cell.seed), 20)
        for i, part in enumerate(defence.once):
            purify = part.build(_context(work, cell, pure))
            pixels = purify(jax.random.fold_in(key, i), pure.images)
            pure = replace(pure, images=pixels)
        store_images(path, pure)
    found = data.load("npz", "all", path)
    if not np.array_equal(found.index, images.index):
        raise ValueError(
            f"{path} is of other images than those that are purified now; remove it."
        )
    return replace(images, images=found.images)


def _change(context: stage.Context, defence: Plan) -> Any:
    """What is done to every batch."""
    if not defence.batches:
        return Partial(unchanged)
    return stage.composed([part.build(context) for part in defence.batches])


def _revise(context: stage.Context, defence: Plan) -> Watched | None:
    """What is done to the set in the course of the training; None if nothing is."""
    if not defence.training:
        return None
    made = [part.build(context) for part in defence.training]
    return Watched(one_after_another(made), context.images)


def _dropped(
    work: Work, cell: Cell, images: data.Images, left: data.Images
) -> dict[str, int]:
    """How many images a training went on without, and how many of them were poisons."""
    gone = ~np.isin(images.index, left.index)
    found = {"dropped": int(gone.sum())}
    if cell.poison != CLEAN:
        index = perturbation(_place(work, cell))["index"]
        found["dropped_poisons"] = int(gone[index].sum())
    return found


def _place(work: Work, cell: Cell) -> pathlib.Path:
    """Where the poisoned set of a cell lies."""
    return work.folder / "poisons" / f"{cell.poison}-{cell.seed}"


def _of_poison(work: Work, cell: Cell, network: nets.Network) -> dict[str, Any]:
    """Whether the poison of a cell succeeded; nothing of the set without one."""
    if cell.poison == CLEAN:
        return {}
    recipe, context = work.config.poisons[cell.poison], work.context(cell.seed)
    return outcome.of_poison(recipe, context, network, _place(work, cell))
