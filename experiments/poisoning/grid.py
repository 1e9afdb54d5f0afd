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

from experiments.poisoning import augment_batches, filter_set, purify_set, splits, store
from experiments.poisoning.config import PoisonGrid
from experiments.poisoning.defences import NONE, ORACLE, Remedy, remedy
from experiments.poisoning.generators import Generators
from experiments.poisoning.registry import Setting, check, named, told, triggered
from experiments.poisoning.victims import Trainer, trainer, unchanged
from purifax import data, nets, record
from purifax.data.poisoned import digest, perturbation, read, store_images
from purifax.record.poisons import natural_accuracy
from purifax.run import workdir
from purifax.run.progress import Progress
from purifax.run.stop import Stop, Stopped

__all__ = ["CLEAN", "Cell", "Work", "cells", "run", "set_up"]

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
    basin: purify_set.Basin

    def setting(self, seed: int) -> Setting:
        """What the poisons of a seed are made from."""
        config, parts = self.config, self.parts
        args = parts.victim, config.crafting, self.trainer, seed, config.chunk
        return Setting(*args, parts.other, parts.test, self.basin)


def cells(config: PoisonGrid) -> list[Cell]:
    """All cells, seeds outermost: clean training, no defence and oracle removal first.

    Raises:
        ValueError: an unknown poison or defence, one named twice, or no seed.
    """
    for poison in config.poisons:
        check(poison, config.crafting, "poisons")
    defences = rows(config)
    for field in ("poisons", "defences", "seeds"):
        names = getattr(config, field)
        if not names or len(set(names)) < len(names):
            raise ValueError(f"{field} must be one or more, each once; got {names}.")
    for defence in config.defences:
        remedy(defence)
    columns = (CLEAN, *config.poisons)
    return [
        Cell(poison, defence, seed)
        for seed in config.seeds
        for poison in columns
        for defence in defences
        if not (poison == CLEAN and defence == ORACLE)
    ]


def rows(config: PoisonGrid) -> list[str]:
    """The defences of a grid; none, oracle removal and JPEG are never left out."""
    asked = [name for name in config.defences if name != NONE]
    if not any(name.startswith("jpeg") for name in asked):
        asked = ["jpeg:75", *asked]
    return [NONE, ORACLE, *asked]


def set_up(config: PoisonGrid, folder: pathlib.Path, data_dir: str | None) -> Work:
    """Loads and divides the images, and claims the work directory.

    Raises:
        ValueError: a config that cannot be run, or a folder of another config.
        DataError: the images are not found.
    """
    cells(config)
    workdir.check(folder, config, may_grow=("poisons", "defences", "seeds"))
    parts = splits.parts(config.images, data_dir)
    names, place = parts.victim.names, folder / "networks" / "source"
    shape = parts.victim.images.shape[1:]
    made = trainer(config.victim, shape, names, parts.other, place)
    generators = Generators(config, parts, folder / "networks")
    basin = purify_set.Basin(config, generators, made.mesh)
    workdir.claim(folder, config)
    (folder / "cells").mkdir(exist_ok=True)
    return Work(config, folder, parts, made, basin)


def run(work: Work, stop: Stop) -> list[dict[str, Any]] | None:
    """The results of all cells; None if it was asked to stop."""
    todo, found = cells(work.config), []
    progress = Progress(work.folder.name, 0, len(todo), unit="cell")
    try:
        for number, cell in enumerate(todo, 1):
            path = work.folder / "cells" / cell.file
            if not path.is_file():
                stop.check()
                workdir.write_json(path, _result(work, cell))
            found.append(workdir.read_json(path))
            progress.update(number)
    except Stopped:
        return None
    finally:
        progress.close()
    return found


def _result(work: Work, cell: Cell) -> dict[str, Any]:
    """Trains and tests the classifier of one cell."""
    began = time.monotonic()
    images = _poisoned(work, cell)
    if cell.defence == ORACLE:
        images, defence = _without(work, cell, images), Remedy()
    else:
        defence = remedy(cell.defence)
        images = _washed(work, cell, defence, images)
    ground = augment_batches.Ground(work.config, images, cell.seed)
    change, revise = _change(ground, defence), _revise(work, ground, defence)
    network = work.trainer.fit(images, cell.seed, change, revise=revise)[-1]
    dropped = {} if revise is None else _dropped(work, cell, images, revise.left)
    return {
        "poison": cell.poison,
        "defence": cell.defence,
        "seed": cell.seed,
        **_tested(work, cell, network),
        "trained_on": len(images),
        "trained_on_sha256": digest(images),
        **dropped,
        "seconds": round(time.monotonic() - began, 2),
    }


def _poisoned(work: Work, cell: Cell) -> data.Images:
    """The set as the victim finds it, from disk if it was poisoned before."""
    if cell.poison == CLEAN:
        return work.parts.victim
    place = _place(work, cell)
    setting = work.setting(cell.seed)
    if not store.finished(place, cell.poison, setting):
        store.craft(place, cell.poison, setting, None)
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


def _washed(
    work: Work, cell: Cell, defence: Remedy, images: data.Images
) -> data.Images:
    """The purified set, from disk if it was purified before."""
    if not defence.once:
        return images
    place = work.folder / "purified"
    path = place / f"{cell.poison},{defence.washed},{cell.seed}.npz"
    if not path.is_file():
        pixels = images.images
        key = jax.random.fold_in(jax.random.key(cell.seed), 20)
        for i, part in enumerate(defence.once):
            wash = purify_set.PARTS[part.name](work.basin, part.number)
            pixels = wash(jax.random.fold_in(key, i), pixels)
        store_images(path, replace(images, images=pixels))
    found = data.load("npz", "all", path)
    if not np.array_equal(found.index, images.index):
        raise ValueError(
            f"{path} is of other images than those that are purified now; remove it."
        )
    return replace(images, images=found.images)


def _change(ground: augment_batches.Ground, defence: Remedy) -> Any:
    """What is done to every batch."""
    parts = [part for part in defence.always if part.name in augment_batches.PARTS]
    if not parts:
        return Partial(unchanged)
    made = [augment_batches.PARTS[part.name](ground, part.number) for part in parts]
    return augment_batches.composed(made)


def _revise(
    work: Work, ground: augment_batches.Ground, defence: Remedy
) -> filter_set.Watched | None:
    """What is done to the set in the course of the training; None if nothing is."""
    parts = [part for part in defence.always if part.name in filter_set.PARTS]
    if not parts:
        return None
    made = [
        filter_set.PARTS[part.name](ground, work.trainer, part.number) for part in parts
    ]
    return filter_set.Watched(filter_set.composed(made), ground.images)


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


def _tested(work: Work, cell: Cell, network: nets.Network) -> dict[str, Any]:
    """Accuracy on clean test images, by class too, and whether the poison succeeded."""
    test = work.parts.test
    said = work.trainer.predictions(network, test.images)
    classes = range(len(test.names))
    own = [test.labels == k for k in classes]
    found = {
        "accuracy": float(natural_accuracy(said, test.labels)),
        "by_class": [
            float(natural_accuracy(said[mine], test.labels[mine]))
            for mine in own
            if mine.any()
        ],
    }
    return found if cell.poison == CLEAN else found | _succeeded(work, cell, network)


def _succeeded(work: Work, cell: Cell, network: nets.Network) -> dict[str, Any]:
    """The success of a trigger, or what became of a target; nothing of other poisons.

    "success" is the rate of images of other classes that the trigger turns into its
    class, or 1 where the target is answered as was wanted; "missed" then is 1 where it
    is answered as anything else but its own class.
    """
    test, setting = work.parts.test, work.setting(cell.seed)
    aim = told(cell.poison, setting).get("target")
    if aim is None:
        return {}
    if named(cell.poison).targeted:
        image = test.images[test.index == aim["index"]][:1]
        said = work.trainer.predictions(network, image)
        became = record.targeted(said, [aim["label"]], [aim["wanted"]])
        missed = float(became.missed[0])
        return {"success": float(became.success), "missed": missed, "target": aim}
    delta = perturbation(_place(work, cell))["delta"]
    images = triggered(cell.poison, setting, test, delta)
    assert images is not None
    said = work.trainer.predictions(network, images)
    rate = record.trigger_success(said, test.labels, aim["wanted"])
    return {"success": float(rate), "target": aim}


def _place(work: Work, cell: Cell) -> pathlib.Path:
    """Where the poisoned set of a cell lies."""
    return work.folder / "poisons" / f"{cell.poison}-{cell.seed}"
