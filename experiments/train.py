"""Train a score network, a diffusion model, an energy or a classifier by a config.

    python -m experiments.train --config=digits_dsm
    python -m experiments.train --config=cifar10_dsm --workdir=DIR --data_dir=DIR

The same command again resumes. SIGTERM and Ctrl-C stop after the current step with all
saved: exit codes 143 and 130, and no ``summary.json`` yet. One command at a time works
in a work directory. A checkpoint that was damaged since is named, and training goes on
from the newest whole one.

Several processes train one network: started by srun or mpirun, on a TPU slice, or with
launch/local.sh, and sharing the work directory, each works on its part of a batch. The
batch does not grow with them; another number of processes may resume. A signal to any
of them stops all. `--distributed=off` is one process wherever it is started.
"""

import pathlib

from absl import flags

from experiments.training import multiprocess
from experiments.training.config import (
    ClassifierTraining,
    DiffusionTraining,
    ScoreTraining,
)
from experiments.training.config_energy import (
    EnergyTraining,
    Training,
)
from purifax.command import distributed
from purifax.command import flags as flagslib
from purifax.run import devices

__all__ = ["main"]


def main(config: Training, options: flags.FlagValues) -> None:
    """Train `config` in the work directory of the options."""
    found = multiprocess.begin(distributed.mode(options))
    devices.prepare(config.train.batch // found.processes)
    from experiments.training import loop

    with multiprocess.failing():
        loop.train(config, pathlib.Path(options.workdir), options.data_dir)


if __name__ == "__main__":
    kinds = (ScoreTraining, DiffusionTraining, EnergyTraining, ClassifierTraining)
    flagslib.run(main, kinds)
