"""Purifies image files, a folder of them, or an .npz.

    python -m experiments.purify --config=cifar10_adp_small --source=cat.png --out=DIR

`--config` names an evaluation: its defence and score network are used. The purified
images keep their names, `purified.png` shows some before and after, and an .npz keeps
its other arrays. Images must have the size the network was made for. What is already
in `--out` is not overwritten.
"""

import pathlib
import sys

from absl import flags

from experiments.lib import devices
from experiments.lib import flags as flagslib
from experiments.lib.config import Evaluation

__all__ = ["main"]

flags.DEFINE_string("source", None, "An image file, a folder of images, or an .npz.")
flags.DEFINE_string("out", None, "Where the purified images go: a folder.")
flags.DEFINE_integer("seed", 0, "Of the purifier's noise.")


def main(config: Evaluation, options: flags.FlagValues) -> None:
    """Purifies the images of `--source` into `--out`."""
    for name in ("source", "out"):
        if not options[name].value:
            raise flagslib.UsageError(f"--{name} is needed; see --help.")
    devices.prepare(config.chunk)
    from experiments.lib import cleaning

    source, out = pathlib.Path(options.source), pathlib.Path(options.out)
    count = cleaning.clean(config, source, out, options.data_dir, options.seed)
    print(f"{count} image(s) purified into {out}", file=sys.stderr)


if __name__ == "__main__":
    flagslib.run(main, (Evaluation,))
