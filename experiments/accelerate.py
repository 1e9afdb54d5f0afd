"""Show how many calls of a trained score accelerated samplers save on images.

    python -m experiments.accelerate
    python -m experiments.accelerate --config.calls=8,16 --config.samplers=momentum

Prints the distance of each sampler's images to held-out ones, and writes summary.json,
table.md, distance.png and samples.png into --workdir (runs/digits_accelerate). Needs
the networks of `experiments.quickstart`, or others of the same images.
"""

import pathlib

from absl import flags

from experiments.examples.config_acceleration import (
    Acceleration,
)
from purifax.command import flags as flagslib
from purifax.command import trust
from purifax.run import devices
from purifax.run.hold import held

__all__ = ["main"]


def main(config: Acceleration, options: flags.FlagValues) -> None:
    """Sample with `config` into the work directory of the options."""
    devices.prepare(config.count)
    trust.apply(options)
    from experiments.examples import accelerate, accelerate_page
    from purifax.run import workdir
    from purifax.run.extras import extra

    accelerate.check(config)
    folder = pathlib.Path(options.workdir)
    workdir.check(folder, config)
    with held(folder):
        summary, shown = accelerate.measure(config, options.data_dir)
        summary["command"] = flagslib.typed()
        workdir.claim(folder, config)
        table = accelerate_page.table(summary)
        workdir.write_json(folder / "summary.json", summary)
        (folder / "table.md").write_text(table, encoding="utf-8")
        with extra("distance.png"):
            (folder / "distance.png").write_bytes(accelerate_page.curves(summary))
        with extra("samples.png"):
            accelerate_page.drawings(folder / "samples.png", shown, config.calls)
    print(table)
    print(f"pictures: {folder / 'distance.png'}, {folder / 'samples.png'}")


if __name__ == "__main__":
    flagslib.run(main, (Acceleration,), "digits_accelerate")
