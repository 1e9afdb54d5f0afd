"""Learn a density in the plane from samples alone, and measure how far off it is.

    python -m experiments.density
    python -m experiments.density --config.updates=50

By maximum likelihood with Langevin chains from a bank, as energies of images are
trained, but where the truth is known. Prints the divergence from the truth, and writes
summary.json and density.png into --workdir (runs/plane_density).
"""

import pathlib

from absl import flags

from experiments.examples.config_density import (
    Density,
)
from purifax.command import flags as flagslib
from purifax.run import devices
from purifax.run.hold import held

__all__ = ["main"]


def main(config: Density, options: flags.FlagValues) -> None:
    """Learn with `config` into the work directory of the options."""
    devices.prepare(1)
    from experiments.examples import density, density_plot
    from purifax.run import workdir
    from purifax.run.extras import extra

    folder = pathlib.Path(options.workdir)
    workdir.check(folder, config)
    with held(folder):
        workdir.claim(folder, config)
        found = density.learn(config)
        summary = density.summary(config, found, flagslib.typed())
        workdir.write_json(folder / "summary.json", summary)
        with extra("density.png"):
            picture = density_plot.panels(config, found, summary)
            (folder / "density.png").write_bytes(picture)
    print(density.text(summary))
    print(f"picture: {folder / 'density.png'}")


if __name__ == "__main__":
    flagslib.run(main, (Density,), "plane_density")
