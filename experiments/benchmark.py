"""Time purifax: networks, purifiers, attacks, chains, training, and PyTorch beside.

    python -m experiments.benchmark
    python -m experiments.benchmark --config=cpu_benchmark --config.parts=network,torch
    python -m experiments.benchmark --config=digits_adp
    python -m experiments.benchmark --config=digits_adp --gradient_memory
    python -m experiments.benchmark --config=digits_adp --chains=1024

With a benchmark config, all in one run with random weights: prints tables and writes
benchmark.json, benchmark.md and pictures into --workdir (runs/benchmark).

With the config of an evaluation, its purifier as trained: seconds an image for the same
purifications driven by a Python loop and mapped together, the spread over repeats, and
the compiler's figure for the memory of each chunk size.

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

from experiments.benchmarking.config import Benchmark
from purifax.command import flags as flagslib
from purifax.command import trust
from purifax.evaluation.settings import Evaluation
from purifax.run import devices
from purifax.run.hold import held

__all__ = ["main"]

flags.DEFINE_integer("images", 32, "How many images to purify.")
flags.DEFINE_integer("chains", 0, "Time so many chains at most, in parallel.")
flags.DEFINE_boolean("gradient_memory", False, "Measure the gradient's memory.")
flags.DEFINE_integer("repeats", 5, "How often each way is timed; the median counts.")


def main(config: Evaluation | Benchmark, options: flags.FlagValues) -> None:
    """Time what `config` says, or its purifier on the options' number of images."""
    trust.apply(options)
    with held(pathlib.Path(options.workdir)):
        if isinstance(config, Benchmark):
            _whole(config, options)
        else:
            _evaluated(config, options)


def _whole(config: Benchmark, options: flags.FlagValues) -> None:
    for name in ("chains", "gradient_memory", "images", "repeats"):
        if options[name].present:
            raise flagslib.UsageError(
                f"--{name} is for the config of an evaluation; this one has fields of "
                "its own, see --help."
            )
    devices.prepare(max(config.images, config.batch, config.chains))
    from experiments.benchmarking import suite

    found = suite.measure(config, pathlib.Path(options.workdir), flagslib.typed())
    print(suite.words(found))


def _evaluated(config: Evaluation, options: flags.FlagValues) -> None:
    if options.images < 1 or options.repeats < 1 or options.chains < 0:
        raise flagslib.UsageError(
            "--images and --repeats must be 1 or more, --chains 0 or more."
        )
    if options.chains and options.gradient_memory:
        raise flagslib.UsageError("--chains and --gradient_memory exclude each other.")
    devices.prepare(max(options.images, options.chains))
    from experiments.benchmarking import memory, serial, throughput

    folder = pathlib.Path(options.workdir)
    if options.chains:
        most, repeats = options.chains, options.repeats
        throughput.measure(config, folder, options.data_dir, most, repeats)
        return
    if options.gradient_memory:
        memory.measure(config, folder, options.data_dir)
        return
    serial.compare(config, folder, options.data_dir, options.images, options.repeats)


if __name__ == "__main__":
    flagslib.run(main, (Evaluation, Benchmark), "cpu_benchmark", "runs/benchmark")
