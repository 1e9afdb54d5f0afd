"""Plans the purification of a large set: chip hours and dollars of each purifier.

    python -m experiments.cost --pixels=256
    python -m experiments.cost --pixels=32 --utilisation=0.31 --hosts=16

The work of each network is counted by XLA, and nothing is run. The share of the peak
that convolutions reach, `--utilisation`, is an assumption until `experiments.benchmark`
has measured it on the chip; prices are assumptions, see `experiments/lib/costing.py`.
"""

from absl import flags

from experiments.lib import flags as flagslib

__all__ = ["main"]

flags.DEFINE_integer("pixels", 32, "Height and width of the images.")
flags.DEFINE_float("utilisation", 0.4, "Share of a chip's peak that is reached.")
flags.DEFINE_integer("hosts", 8, "Machines that share the work.")


def main(config: None, options: flags.FlagValues) -> None:
    """Prints the table."""
    del config
    if options.pixels < 32 or options.hosts < 1 or not 0 < options.utilisation <= 1:
        raise flagslib.UsageError(
            "--pixels must be 32 or more, --hosts 1 or more, --utilisation in (0, 1]."
        )
    from experiments.lib import costing

    print(f"At {options.utilisation:.0%} of the peak; prices are assumptions.\n")
    print(costing.table(options.pixels, options.utilisation, options.hosts))


if __name__ == "__main__":
    flagslib.run(main, ())
