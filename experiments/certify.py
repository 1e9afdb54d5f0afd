"""Certify a purified classifier against L2 perturbations, and attack it too.

    python -m experiments.certify --config=digits_certify
    python -m experiments.certify --config=cifar10_certify --data_dir=DIR

Prints certified accuracy against the radius, beside the accuracy of the same smoothed
classifier under L2 PGD, and writes certificates.npz, summary.json and certified.png
into the work directory. The same command again resumes.
"""

import pathlib

from absl import flags

from experiments.certification.config import (
    Certification,
)
from purifax.command import flags as flagslib
from purifax.command import trust
from purifax.run import devices
from purifax.run.hold import held

__all__ = ["certify", "main"]


def main(config: Certification, options: flags.FlagValues) -> None:
    """Certify `config` in the work directory of the options."""
    devices.prepare(config.chunk)
    trust.apply(options)
    folder = pathlib.Path(options.workdir)
    certify(config, folder, options.data_dir, flagslib.typed())


def certify(
    config: Certification, folder: pathlib.Path, data_dir: str | None, command: str
) -> None:
    """Certify, attack, write and print.

    Args:
        command: to be told to the user for resuming, and written in the summary.

    Raises:
        Stopped: a signal asked for it; finished parts are saved.
        Held: another process holds the folder.
    """
    from experiments.certification import report, run
    from purifax.run.stop import Stop, Stopped

    with held(folder):
        with Stop() as stop:
            work = run.set_up(config, folder, data_dir)
            done = run.run(work, stop)
        if done is None:
            words = f"stopped; finished parts are saved. To resume: {command}"
            raise Stopped(words, stop.number)
        print(report.text(report.write(work, done, command)))
    print(f"summary: {folder / 'summary.json'}, plot: {folder / 'certified.png'}")


if __name__ == "__main__":
    flagslib.run(main, (Certification,))
