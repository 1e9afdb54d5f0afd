"""The command that poisons a set: from its config to a folder, once."""

import pathlib

from experiments.poisoning import splits, store
from experiments.poisoning.config import Poisoning
from experiments.poisoning.registry import Setting, check
from experiments.poisoning.victims import trainer
from purifax.data.poisoned import record
from purifax.run import workdir

__all__ = ["run"]


def run(config: Poisoning, folder: pathlib.Path, data_dir: str | None) -> str:
    """Makes and stores the poisoned set, unless it is there; a line about it.

    Raises:
        ValueError: an unknown method, a folder of another config, an exceeded budget.
        DataError: the images are not found.
    """
    check(config.method, config.crafting)
    workdir.check(folder, config)
    found = splits.parts(config.images, data_dir)
    victim = found.victim
    shape, place = victim.images.shape[1:], folder / "networks" / "source"
    made = trainer(config.victim, shape, victim.names, found.other, place)
    args = victim, config.crafting, made, config.seed, config.chunk
    setting = Setting(*args, found.other, found.test)
    there = store.finished(folder, config.method, setting)
    if not there:
        workdir.claim(folder, config)
        store.craft(folder, config.method, setting, found.test)
    words = record(folder)
    budget = words["budget"]
    promised = f"{budget['norm']} {budget['radius']:.4g}" if budget else "no budget"
    return (
        f"{folder}: {config.method} on {words['poisoned']} of {words['images']} images,"
        f" largest distance {words['largest_distance']:.4g} of {promised}"
        f"{' (was there already)' if there else ''}"
    )
