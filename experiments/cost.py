"""Plans the purification of a large set: chip hours and dollars of each purifier.

    python -m experiments.cost --pixels=256
    python -m experiments.cost --pixels=32 --utilisation=0.31 --prices=2.9,0.6

The work of each network is counted by XLA, and nothing is run. The share of the data
sheet's peak that convolutions reach, `--utilisation`, is an assumption until
`experiments.benchmark` has measured it on the chip; and so are the prices, dollars an
hour of an H200 and of a TPU v5e.
"""

from absl import flags

from experiments.lib import flags as flagslib

__all__ = ["main"]

flags.DEFINE_integer("pixels", 32, "Height and width of the images.")
flags.DEFINE_float("utilisation", 0.4, "Share of a chip's peak that is reached.")
flags.DEFINE_integer("hosts", 8, "Machines that share the work.")
flags.DEFINE_list("prices", [], "Dollars an hour of an H200 and of a TPU v5e.")


def main(config: None, options: flags.FlagValues) -> None:
    """Prints a table for each set."""
    del config
    if options.pixels < 32 or options.hosts < 1 or not 0 < options.utilisation <= 1:
        raise flagslib.UsageError(
            "--pixels must be 32 or more, --hosts 1 or more, --utilisation in (0, 1]."
        )
    from experiments.lib import costing

    prices = _prices(options.prices, len(costing.CHIPS))
    print(f"At {options.utilisation:.0%} of the peak; prices are assumptions.\n")
    print(costing.tables(options.pixels, options.utilisation, options.hosts, prices))


def _prices(given: list[str], count: int) -> list[float]:
    """The numbers of `--prices`; none where it is not given."""
    try:
        prices = [float(price) for price in given]
    except ValueError:
        prices = [-1.0]
    if prices and (len(prices) != count or not all(0 <= one < 1e6 for one in prices)):
        raise flagslib.UsageError(
            f"--prices={','.join(given)} must be {count} numbers, like 3.5,1.2."
        )
    return prices


if __name__ == "__main__":
    flagslib.run(main, ())
