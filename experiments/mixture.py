"""Show each sampler on a mixture in the plane, with its exact score.

    python -m experiments.mixture
    python -m experiments.mixture --config.calls=20 --config.samplers=ddim,heun

Prints how far each is from exact draws, and writes summary.json and samples.png into
--workdir (runs/mixture_samplers). All samplers get the same number of calls of the
score.
"""

import pathlib

from absl import flags

from experiments.examples.config_mixture import (
    Mixture,
)
from purifax.command import flags as flagslib
from purifax.run import devices
from purifax.run.hold import held

__all__ = ["main"]


def main(config: Mixture, options: flags.FlagValues) -> None:
    """Sample with `config` into the work directory of the options."""
    devices.prepare(config.points)
    from experiments.examples import plane, plane_plot
    from purifax.run import workdir
    from purifax.run.extras import extra

    plane.check(config)
    folder = pathlib.Path(options.workdir)
    workdir.check(folder, config)
    with held(folder):
        workdir.claim(folder, config)
        exact, found = plane.sample(config)
        summary = plane.summary(config, exact, found, flagslib.typed())
        workdir.write_json(folder / "summary.json", summary)
        with extra("samples.png"):
            picture = plane_plot.scatter(exact, found, summary)
            (folder / "samples.png").write_bytes(picture)
    print(plane.text(summary))
    print(f"picture: {folder / 'samples.png'}")


if __name__ == "__main__":
    flagslib.run(main, (Mixture,), "mixture_samplers")
