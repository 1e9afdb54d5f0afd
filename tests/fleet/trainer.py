"""A process of a training, as `experiments.train` starts it; run by `launch/local.sh`.

    python trainer.py FOLDER STEPS STOP

It trains an energy, of which the last process is told to stop in step STOP, and then a
classifier to its end. Where FOLDER has the energy already, it resumes that alone.
"""

import dataclasses
import os
import pathlib
import signal
import sys
from contextlib import nullcontext
from types import SimpleNamespace
from unittest import mock

from training_runs import TRAIN, classifier_run

from experiments import train
from experiments.training import loop
from experiments.training.config import (
    Data,
    EnergyNet,
)
from experiments.training.config_energy import (
    Chains,
    EnergyTraining,
    Strip,
)
from purifax.evaluation.batches import Batches
from purifax.run.stop import Stopped


def energy_run(**settings):
    """An energy of 4 channels, 2 steps of 16 of 32 chains."""
    return EnergyTraining(
        data=Data(name="digits"),
        net=EnergyNet(name="SmallEnergy", fold=4, widths=(4,), hidden=4),
        chains=Chains(
            epsilon=0.02, temperature=1e-2, steps=2, bank=32, rejuvenation=0.3
        ),
        train=dataclasses.replace(TRAIN, **settings),
        strip=Strip(images=0),
    )


def stopped_at(step):
    """The batch of this step comes with a signal to stop."""
    plain = Batches.__call__

    def call(self, at):
        if at == step:
            os.kill(os.getpid(), signal.SIGTERM)
        return plain(self, at)

    return mock.patch.object(Batches, "__call__", call)


if __name__ == "__main__":
    folder, steps, stop = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    names = ("PURIFAX_PROCESS_ID", "PURIFAX_NUM_PROCESSES")
    number, count = (int(os.environ[name]) for name in names)
    fresh = not (folder / "energy").exists()
    options = {"workdir": folder / "energy", "data_dir": None, "distributed": "on"}
    asked = stopped_at(stop) if number == count - 1 else nullcontext()
    try:
        with asked:
            train.main(energy_run(steps=steps), SimpleNamespace(**options))
    except Stopped as stopped:
        print(stopped, f"ends with {stopped.code}", file=sys.stderr)
    if fresh:
        loop.train(classifier_run(steps=4), folder / "classifier", None)
