"""Trains a score network, a diffusion model, an energy or a classifier by a config.

    python -m experiments.train --config=digits_dsm
    python -m experiments.train --config=cifar10_dsm --workdir=DIR --data_dir=DIR

The same command again resumes; SIGTERM and Ctrl-C stop after the current step with
everything saved (exit code 0, and no ``summary.json`` yet).
"""

import pathlib

from absl import flags

from experiments.lib import devices
from experiments.lib import flags as flagslib
from experiments.lib.config import (
    ClassifierTraining,
    DiffusionTraining,
    EnergyTraining,
    ScoreTraining,
    Training,
)

__all__ = ["main"]


def main(config: Training, options: flags.FlagValues) -> None:
    """Trains `config` in the work directory of the options."""
    devices.prepare(config.train.batch)
    from experiments.lib import training

    training.train(config, pathlib.Path(options.workdir), options.data_dir)


if __name__ == "__main__":
    kinds = (ScoreTraining, DiffusionTraining, EnergyTraining, ClassifierTraining)
    flagslib.run(main, kinds)
