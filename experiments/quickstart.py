"""The main job, small: train on real digits, attack, purify, evaluate, show.

    python -m experiments.quickstart

Trains a score network and a classifier on scikit-learn's digits (8x8), then evaluates
the bare and the purified classifier under clean images, blind PGD, BPDA+EOT and
exact-gradient PGD+EOT. Prints one table and writes the report. Everything goes into
--workdir (runs/quickstart); the same command again resumes.
"""

import dataclasses
import pathlib
import sys
import time

from absl import flags

from experiments import configs
from purifax.command import flags as flagslib
from purifax.command.evaluate import evaluate
from purifax.evaluation.settings import (
    Evaluation,
)
from purifax.run import devices

__all__ = ["main"]

TRAINED = ("digits_dsm", "digits_classifier")


def main(config: Evaluation, options: flags.FlagValues) -> None:
    """Train both networks into the work directory, then evaluate `config`."""
    devices.prepare(config.chunk)
    from experiments.training import loop
    from experiments.training.config import (
        ClassifierTraining,
        ScoreTraining,
    )

    began, root = time.monotonic(), pathlib.Path(options.workdir)
    for name in TRAINED:
        trained = configs.find(name, (ScoreTraining, ClassifierTraining))
        loop.train(trained, root / name, options.data_dir)

    score, classifier = (str(root / name) for name in TRAINED)
    config = dataclasses.replace(config, score=score, classifier=classifier)
    command = " ".join(["python -m experiments.quickstart", *sys.argv[1:]])
    folder = root / "evaluation"
    evaluate(config, folder, options.data_dir, command, began)
    spent = time.monotonic() - began
    print(f"all done in {spent:.0f} s; open {folder / 'report.html'}")


if __name__ == "__main__":
    flagslib.run(main, (Evaluation,), "digits_adp", "runs/quickstart")
