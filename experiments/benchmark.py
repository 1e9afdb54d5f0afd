"""Times a defence: all runs of all images at once against one after another.

    python -m experiments.benchmark --config=digits_adp
    python -m experiments.benchmark --config=digits_adp --gradient_memory
    python -m experiments.benchmark --config=digits_adp --chains=1024

Prints a table and writes benchmark.json into --workdir (runs/benchmark): seconds an
image for the same purifications driven by a Python loop and mapped together, the spread
over repeats, and the compiler's figure for the memory of each chunk size.

With --gradient_memory it instead prints the temporary memory of the exact gradient
against the number of steps (10 to 1,000), with every value stored, recomputed at each
step and recomputed in segments, and writes gradient_memory.json. Nothing is run, only
compiled.

With --chains=N it instead times 1, 4, 16 ... N chains from one image, in parallel as
far as half of the memory goes, and the same in a Python loop over steps, and writes
chains.json and chains.png.
"""

import pathlib

from absl import flags

from experiments.lib import devices
from experiments.lib import flags as flagslib
from experiments.lib.config import Evaluation

__all__ = ["main"]

flags.DEFINE_integer("images", 32, "How many images to purify.")
flags.DEFINE_integer("chains", 0, "Time so many chains at most, in parallel.")
flags.DEFINE_boolean("gradient_memory", False, "Measure the gradient's memory.")
flags.DEFINE_integer("repeats", 5, "How often each way is timed; the median counts.")


def main(config: Evaluation, options: flags.FlagValues) -> None:
    """Times the defence of `config` on the options' number of images."""
    if options.images < 1 or options.repeats < 1 or options.chains < 0:
        raise flagslib.UsageError(
            "--images and --repeats must be 1 or more, --chains 0 or more."
        )
    devices.prepare(max(options.images, options.chains))
    from experiments.lib import memory, throughput, timing

    folder = pathlib.Path(options.workdir)
    if options.chains:
        most, repeats = options.chains, options.repeats
        throughput.measure(config, folder, options.data_dir, most, repeats)
        return
    if options.gradient_memory:
        memory.measure(config, folder, options.data_dir)
        return
    timing.compare(config, folder, options.data_dir, options.images, options.repeats)


if __name__ == "__main__":
    flagslib.run(main, (Evaluation,), "digits_adp", "runs/benchmark")
