"""Put a trained network among the weights that come with the package, with its card.

    python -m experiments.ship digits_dsm runs/digits_dsm --purify=digits_adp

WORKDIR, the second word, is a finished training; NAME, the first, is the config it was
trained with and the name that `purifax.weights.load(NAME)` takes. The card is filled
from the work directory's own summary: nothing in it is typed. Parameters are stored as
float16, and what that changes is measured on test images and written down too, which
needs the set: give `--data_dir` as for training.

`--purify` names an evaluation whose purifier `purifax.purify_images` then takes for its
defaults. `--root` is another folder than that of the package.
"""

import pathlib
import sys

from absl import flags

from experiments.training import ship
from purifax.command import flags as flagslib
from purifax.command import trust
from purifax.run import devices

__all__ = ["main"]

flags.DEFINE_string("name", None, "Of the weights and their config; the first word.")
flags.DEFINE_string("trained", None, "The work directory; the second word.")
flags.DEFINE_string("purify", None, "An evaluation, whose purifier the card advises.")
flags.DEFINE_string("root", None, "A folder for shipped weights, if not the package's.")
flags.DEFINE_bool("replace", False, "Take the place of weights of the same name.")


def main(config: None, options: flags.FlagValues) -> None:
    """Make the folder of `--name` from the work directory `--trained`."""
    del config
    for name, word in (("name", "NAME"), ("trained", "WORKDIR")):
        if not options[name].value:
            raise flagslib.UsageError(f"{word} is needed: NAME WORKDIR; see --help.")
    devices.prepare(ship.IMAGES)
    trust.apply(options)
    root = pathlib.Path(options.root) if options.root else None
    made = ship.ship(
        options.name,
        pathlib.Path(options.trained),
        options.data_dir,
        advice=options.purify,
        root=root,
        replace=options.replace,
    )
    print(ship.text(made), file=sys.stderr)


if __name__ == "__main__":
    flagslib.run(main, (), places=("name", "trained"))
