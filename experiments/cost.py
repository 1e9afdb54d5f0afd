"""Plan the purification of a large set: chip hours and dollars of each purifier.

    python -m experiments.cost --pixels=256
    python -m experiments.cost --pixels=32 --utilisation=0.31 --prices=2.9,0.6
    python -m experiments.cost --pixels=32 --measure
    python -m experiments.cost --pixels=32 --measured=runs/cost/throughput_32.json

XLA counts the work of each network. How much of a large matrix product's rate a
purifier reaches, `--utilisation`, is assumed, unless `--measure` times every purifier
on the devices here (random weights, a few steps, `--at_once` images) and writes it
down, or `--measured` names what was written. The rate of that product is the measured
one on a chip that was measured, and that of `experiments.benchmarking.cost_model` on
others.
Prices, dollars an hour of an H200 and of a TPU v5e, are assumptions.
"""

import pathlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from absl import flags

from purifax.command import flags as flagslib
from purifax.run import devices

__all__ = ["main"]

flags.DEFINE_integer("pixels", 32, "Height and width of the images.")
flags.DEFINE_float("utilisation", 0.5, "Share of a matrix product's rate reached.")
flags.DEFINE_integer("hosts", 8, "Machines that share the work.")
flags.DEFINE_list("prices", [], "Dollars an hour of an H200 and of a TPU v5e.")
flags.DEFINE_boolean("measure", False, "Time every purifier here first.")
flags.DEFINE_string("measured", None, "What --measure wrote, to plan by.")
flags.DEFINE_integer("at_once", 8, "Images at once in --measure.")
flags.DEFINE_integer("tries", 3, "How often --measure times each; the median counts.")
flags.DEFINE_enum("dtype", "float32", ("float32", "bfloat16"), "Of --measure.")


def main(config: None, options: flags.FlagValues) -> None:
    """Print what was measured, and a table for each set."""
    del config
    _check(options)
    devices.prepare(16 * options.at_once)  # A large image is worth a device.
    from experiments.benchmarking import cost_model

    chips = _priced(cost_model.CHIPS, options.prices)
    shares = dict.fromkeys(cost_model.METHODS, options.utilisation)
    if found := _measured(options):
        from experiments.benchmarking import cost_rates

        shares = {row["purifier"]: row["share"] for row in found["rows"]}
        chips = [cost_rates.known(chip, found) for chip in chips]
        print(cost_rates.table(found) + "\n")
    else:
        print(f"At {options.utilisation:.0%} of a matrix product's rate, assumed.\n")
    print(cost_model.tables(options.pixels, shares, options.hosts, chips))


def _check(options: flags.FlagValues) -> None:
    if options.pixels < 32 or options.hosts < 1 or not 0 < options.utilisation <= 1:
        raise flagslib.UsageError(
            "--pixels must be 32 or more, --hosts 1 or more, --utilisation in (0, 1]."
        )
    if options.at_once < 1 or options.tries < 1:
        raise flagslib.UsageError("--at_once and --tries must be 1 or more.")
    if options.measure and options.measured:
        raise flagslib.UsageError("--measure and --measured exclude each other.")


def _measured(options: flags.FlagValues) -> dict[str, Any] | None:
    """What was measured, now or before; None if it is to be assumed."""
    if not (options.measure or options.measured):
        return None
    from experiments.benchmarking import cost_rates

    if options.measured:
        return cost_rates.read(pathlib.Path(options.measured), options.pixels)
    how = (options.pixels, options.dtype, options.at_once, options.tries)
    return cost_rates.measure(pathlib.Path(options.workdir), *how, flagslib.typed())


def _priced(chips: Sequence[Any], given: list[str]) -> list[Any]:
    """The chips at the prices of `--prices`; as they are where it is not given."""
    if not given:
        return list(chips)
    try:
        prices = [float(price) for price in given]
    except ValueError:
        prices = []
    if len(prices) != len(chips) or not all(0 <= one < 1e6 for one in prices):
        raise flagslib.UsageError(
            f"--prices={','.join(given)} must be {len(chips)} numbers, like 3.5,1.2."
        )
    return [replace(chip, price=at) for chip, at in zip(chips, prices, strict=True)]


if __name__ == "__main__":
    flagslib.run(main, (), workdir="runs/cost")
