"""Measure defences of training sets: every poison, every defence, every seed.

    python -m experiments.evaluate_poison --config=digits_poison_grid
    python -m experiments.evaluate_poison --config=mnist_poison_grid --data_dir=DIR

For each, the images are poisoned, defended and stored, a classifier is trained on them
from scratch and tested on clean images. Prints a table and writes report.md,
summary.json and grid.png into the work directory, beside the poisoned sets (poisons/),
the purified ones (purified/), the purifiers' networks (networks/) and one small file
for each training (cells/). The same command again resumes; with more poisons, defences
or seeds at the end of their lists it adds what is missing.
"""

import pathlib

from absl import flags

from experiments.poisoning.config import (
    PoisonGrid,
)
from purifax.command import flags as flagslib
from purifax.command import trust
from purifax.run import devices
from purifax.run.hold import held

__all__ = ["evaluate", "main"]


def main(config: PoisonGrid, options: flags.FlagValues) -> None:
    """Run the grid of `config` in the work directory of the options."""
    devices.prepare(config.victim.batch)
    trust.apply(options)
    folder = pathlib.Path(options.workdir)
    evaluate(config, folder, options.data_dir, flagslib.typed())


def evaluate(
    config: PoisonGrid, folder: pathlib.Path, data_dir: str | None, command: str
) -> None:
    """Run the grid, report and print.

    Args:
        command: shown for resuming, and written in the summary.

    Raises:
        Stopped: a signal asked for it; finished cells are saved.
        Held: another process holds the folder.
    """
    from experiments.poisoning import grid, table
    from purifax.run.stop import Stop, Stopped

    with held(folder):
        try:
            with Stop() as stop:
                work = grid.set_up(config, folder, data_dir)
                results = grid.run(work, stop)
        except Stopped as stopped:
            words = f"stopped; finished cells are saved. To resume: {command}"
            raise Stopped(words, stopped.number) from None
        print(table.write(work, results, command))
    print(f"report: {folder / 'report.md'}, picture: {folder / 'grid.png'}")


if __name__ == "__main__":
    flagslib.run(main, (PoisonGrid,))
