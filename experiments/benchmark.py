"""Times a defence: all runs of all images at once against one after another.

    python -m experiments.benchmark --config=digits_adp

Prints a table and writes benchmark.json into --workdir (runs/benchmark): seconds an
image for the same purifications driven by a Python loop and mapped together, the spread
over repeats, and the compiler's figure for the memory of each chunk size.
"""

import pathlib

from absl import flags

from experiments.lib import devices
from experiments.lib import flags as flagslib
from experiments.lib.config import Evaluation

__all__ = ["main"]

flags.DEFINE_integer("images", 16, "How many images to purify.")
flags.DEFINE_integer("repeats", 5, "How often each way is timed; the median counts.")


def main(config: Evaluation, options: flags.FlagValues) -> None:
    """Times the defence of `config` on the options' number of images."""
    if options.images < 1 or options.repeats < 1:
        raise flagslib.UsageError("--images and --repeats must be 1 or more.")
    devices.prepare(options.images)
    from experiments.lib import timing

    folder = pathlib.Path(options.workdir)
    timing.compare(config, folder, options.data_dir, options.images, options.repeats)


if __name__ == "__main__":
    flagslib.run(main, (Evaluation,), "digits_adp", "runs/benchmark")
