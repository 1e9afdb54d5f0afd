"""The command that poisons a set: from its config to a folder, once."""

import pathlib

from experiments.poisoning import splits, store
from experiments.poisoning.config import Poisoning
from experiments.poisoning.context import Context
from experiments.poisoning.victims import trainer
from purifax.data.poisoned import record
from purifax.run import workdir
from purifax.run.hold import held

__all__ = ["run"]


def run(config: Poisoning, folder: pathlib.Path, data_dir: str | None) -> str:
    """Make and store the poisoned set unless it exists. Returns a line about it.

    Raises:
        ValueError: no poison, a folder of another config, an exceeded budget.
        DataError: the images are not found.
        Held: another process holds the folder.
    """
    if config.poison is None:
        raise ValueError("poison is none; name one, as --config.poison=lsp.")
    store.check(folder, config)
    with held(folder):
        return _made(config, folder, data_dir)


def _made(config: Poisoning, folder: pathlib.Path, data_dir: str | None) -> str:
    """The work of `run`, in a folder that is this process's alone."""
    found = splits.parts(config.images, data_dir)
    victim = found.victim
    shape, place = victim.images.shape[1:], folder / "networks" / "source"
    made = trainer(config.victim, shape, victim.names, found.other, place)
    args = victim, made, config.seed, config.chunk, found.other, found.test
    context, poison = Context(*args), config.poison
    name = store.name_of(poison)
    there = store.finished(folder, name, poison, context)
    if not there:
        workdir.claim(folder, config)
        store.craft(folder, name, poison, context, found.test)
    words = record(folder)
    budget = words["budget"]
    promised = f"{budget['norm']} {budget['radius']:.4g}" if budget else "no budget"
    return (
        f"{folder}: {name} on {words['poisoned']} of {words['images']} images,"
        f" largest distance {words['largest_distance']:.4g} of {promised}"
        f"{' (was there already)' if there else ''}"
    )
